// Collects the messages of libbpf on this thread during the lifetime of this object, so that an
// error can carry them instead of standard error. libbpf has one print function for the whole
// process: the first object replaces it for good, and messages outside of any lifetime are dropped.
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
  std::string* previous_;
};

}  // namespace guard
