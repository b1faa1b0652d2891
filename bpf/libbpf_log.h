// Catches what libbpf says while one of these lives, on this thread, instead of letting it write to
// standard error; an error then carries it. libbpf has one print function for the whole process:
// the first of these installs ours for good, and what nobody catches is dropped.
#pragma once

#include <string>

#include "policy/base/result.h"

namespace guard {

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // The first line of the text is "what: strerror(code)", the log follows it, indented.
  Error error(int code, const std::string& what) const;

 private:
  std::string text_;
  std::string* before_;
};

}  // namespace guard
