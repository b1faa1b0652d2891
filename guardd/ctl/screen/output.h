// Standard output for what comes piece by piece. Whoever reads no more has what he wanted: that is
// the end, and no error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace guard::ctl {

class Output {
 public:
  Output();

  // Both: false, if no more can be written. put() waits until there is a lot to write.
  bool put(std::string_view lines);
  bool flush();

  // An errno value, or 0.
  int error() const;

 private:
  std::string waiting_;
  int error_ = 0;
};

}  // namespace guard::ctl
