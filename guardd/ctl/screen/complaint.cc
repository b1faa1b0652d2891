#include "guardd/ctl/screen/complaint.h"

#include <iostream>

#include "guardd/ctl/screen/options.h"
#include "guardd/host/command_line.h"
#include "policy/base/text.h"

namespace guard::ctl {

int misused(const std::string& what, std::string_view verb) {
  return complain_about_usage("guardctl", what, verb);
}

int fail(const Error& error) {
  std::cerr << "guardctl: " << printable(error.text()) << '\n';
  return kFailed;
}

}  // namespace guard::ctl
