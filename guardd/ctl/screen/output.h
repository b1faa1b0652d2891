// Standard output for verbs that print piece by piece. If the reader closes the pipe, that is the
// end of the output and not an error.
#pragma once

#include <string>
#include <string_view>

namespace guard::ctl {

class Output {
 public:
  Output();

  // Both return false if nothing more can be written. put() buffers small pieces.
  bool put(std::string_view lines);
  bool flush();

  // An errno value, or 0.
  int error() const;

 private:
  std::string waiting_;
  int error_ = 0;
};

}  // namespace guard::ctl
