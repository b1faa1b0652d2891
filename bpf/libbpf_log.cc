#include "bpf/libbpf_log.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace guard {
namespace {

// A verifier log can have megabytes; the cause of a rejection is at its end.
constexpr std::size_t kKept = std::size_t{64} * 1024;

thread_local std::string* sink = nullptr;

[[gnu::format(printf, 2, 0)]] int print(libbpf_print_level level, const char* format,
                                        va_list arguments) noexcept try {
  if (level == LIBBPF_DEBUG || sink == nullptr) return 0;
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  std::string line(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  (void)std::vsnprintf(line.data(), line.size() + 1, format, arguments);
  sink->append(line);
  if (sink->size() > 2 * kKept) sink->erase(0, sink->size() - kKept);
  return 0;
} catch (...) {
  return 0;  // out of memory: the error still reaches its caller, without this line
}

}  // namespace

LibbpfLog::LibbpfLog() : previous_(sink) {
  static std::once_flag installed;
  std::call_once(installed, [] { (void)libbpf_set_print(print); });
  sink = &text_;
}

LibbpfLog::~LibbpfLog() {
  sink = previous_;
}

Error LibbpfLog::error(int code, const std::string& what) const {
  std::string indented;
  std::size_t begin = text_.size() > kKept ? text_.size() - kKept : 0;
  while (begin < text_.size()) {
    const auto end = std::min(text_.find('\n', begin), text_.size());
    indented += "\n  " + text_.substr(begin, end - begin);
    begin = end + 1;
  }
  const Error plain = Error::from_errno(code, what);
  return Error(plain.text() + indented, code);
}

}  // namespace guard
