#include "guardd/answer/asker.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

#include "policy/base/handle.h"

namespace guard {
namespace {

// The number in this column of the line that begins so, counted from 0.
std::optional<std::uint32_t> number_in(std::string_view status, std::string_view begin,
                                       int column) {
  auto at = status.find(begin);
  if (at == std::string_view::npos) return std::nullopt;
  auto line = status.substr(at + begin.size());
  line = line.substr(0, line.find('\n'));
  for (; column >= 0; --column) {
    if (!line.starts_with('\t')) return std::nullopt;
    line.remove_prefix(1);
    if (column > 0) line.remove_prefix(std::min(line.find('\t'), line.size()));
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

constexpr int kOfFileSystem = 3;  // behind real, effective and saved

}  // namespace

// A name is escaped there, so no process can make lines of its own.
std::optional<Asker> asker_from(std::string_view status) {
  const auto group = number_in(status, "\nTgid:", 0);
  const auto uid = number_in(status, "\nUid:", kOfFileSystem);
  const auto gid = number_in(status, "\nGid:", kOfFileSystem);
  if (!group || !uid || !gid) return std::nullopt;
  return Asker{static_cast<std::int32_t>(*group), Uid{*uid}, Gid{*gid}};
}

std::optional<Asker> asker_of_thread(std::int32_t thread) {
  if (thread <= 0) return std::nullopt;
  const auto path = "/proc/" + std::to_string(thread) + "/status";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};  // what is wanted stands at its beginning
  const auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return std::nullopt;
  return asker_from({text.data(), static_cast<std::size_t>(size)});
}

}  // namespace guard
