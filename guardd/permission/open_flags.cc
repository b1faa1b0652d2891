#include "guardd/permission/open_flags.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace guard {
namespace {

// A system call, and which argument holds its flags, counted from 0.
struct Call {
  std::int64_t number;
  int flags;
};
constexpr int kAlwaysCreates = -1;  // creat(2)
constexpr int kExecutes = -2;
constexpr int kInMemory = -3;  // openat2(2): where the third argument points
#if defined(__x86_64__)
// 32-bit programs have their own numbers. In 64-bit programs these never open a file, so the two
// need not be told apart.
constexpr std::array<Call, 17> kCalls{{{2, 1},
                                       {257, 2},
                                       {85, kAlwaysCreates},
                                       {437, kInMemory},
                                       {304, 2},
                                       {59, kExecutes},
                                       {322, kExecutes},
                                       {134, kExecutes},
                                       // 32 bits
                                       {5, 1},
                                       {295, 2},
                                       {8, kAlwaysCreates},
                                       {342, 2},
                                       {11, kExecutes},
                                       {358, kExecutes},
                                       {86, kExecutes},
                                       // x32
                                       {0x40000000 + 520, kExecutes},
                                       {0x40000000 + 545, kExecutes}}};
constexpr std::int64_t kX32 = 0x40000000;
#elif defined(__aarch64__)
constexpr std::array<Call, 11> kCalls{{{56, 2},
                                       {437, kInMemory},
                                       {265, 2},
                                       {221, kExecutes},
                                       {281, kExecutes},
                                       // 32 bits
                                       {5, 1},
                                       {322, 2},
                                       {8, kAlwaysCreates},
                                       {371, 2},
                                       {11, kExecutes},
                                       {387, kExecutes}}};
constexpr std::int64_t kX32 = 0;
#else
// The call numbers of this processor are unknown: so is every intent.
constexpr std::array<Call, 1> kCalls{{{-1, kExecutes}}};
constexpr std::int64_t kX32 = 0;
#endif

template <typename Number>
std::optional<Number> word(std::string_view& text, int base) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

const Call* find_call(std::int64_t number) {
  const auto same = [](std::int64_t wanted) {
    return std::find_if(kCalls.begin(), kCalls.end(),
                        [wanted](const Call& each) { return each.number == wanted; });
  };
  auto found = same(number);
  if (found == kCalls.end() && kX32 != 0 && (number & kX32) != 0) found = same(number & ~kX32);
  return found == kCalls.end() ? nullptr : &*found;
}

constexpr std::string_view kRunning = "running";

}  // namespace

Intent intent_of(std::uint64_t flags) {
  Intent intent;
  const auto access = flags & O_ACCMODE;
  intent.reads = access == O_RDONLY || access == O_RDWR;
  // The fourth value is for drivers: it grants neither, but needs the right to do both.
  intent.writes = access != O_RDONLY;
  intent.truncates = (flags & O_TRUNC) != 0;
  intent.is_nameless = (flags & O_TMPFILE) == O_TMPFILE;
  intent.creates = (flags & O_CREAT) != 0 || intent.is_nameless;
  intent.is_exclusive = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
  return intent;
}

Intent intent_in_memory(std::uint64_t flags) {
  auto intent = intent_of(flags);
  intent.can_change = true;
  return intent;
}

OpenCall open_call_from(std::string_view syscall) {
  const auto number = word<std::int64_t>(syscall, 10);
  if (!number) return {};
  std::array<std::uint64_t, 6> arguments{};
  for (auto& argument : arguments) {
    const auto value = word<std::uint64_t>(syscall, 16);
    if (!value) return {};
    argument = *value;
  }
  const auto* call = find_call(*number);
  if (!call) return {};
  switch (call->flags) {
    case kAlwaysCreates:
      return {intent_of(O_CREAT | O_WRONLY | O_TRUNC), {}};
    case kExecutes:
      return {intent_of(O_RDONLY), {}};
    case kInMemory:
      return {{}, arguments[2]};
    default:
      return {intent_of(arguments.at(static_cast<std::size_t>(call->flags)) & 0xffffffffU), {}};
  }
}

Fd open_syscall_of(std::int32_t thread) {
  const auto path = "/proc/" + std::to_string(thread) + "/syscall";
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

ThreadCall open_call_of_thread(const Fd& syscall) {
  if (!syscall) return {};
  constexpr int kTries = 20;
  for (int tries = 0; tries < kTries; ++tries) {
    std::array<char, 256> text{};
    const auto size = ::pread(syscall.get(), text.data(), text.size(), 0);
    if (size <= 0) return {};
    const std::string_view syscall_text(text.data(), static_cast<std::size_t>(size));
    if (!syscall_text.starts_with(kRunning)) return {open_call_from(syscall_text), false};
    (void)::sched_yield();
  }
  return {{}, true};
}

}  // namespace guard
