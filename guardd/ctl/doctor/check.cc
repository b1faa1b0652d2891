#include "guardd/ctl/doctor/check.h"

#include <cerrno>

#include "policy/base/text.h"

namespace guard::doctor {

void Group::add(const std::string& name, Mark mark, const std::string& finding,
                const std::string& why, const std::string& repair) {
  checks_.push_back(
      {name_, printable(name), mark, printable(finding), printable(why), printable(repair)});
}

void Group::skip(const std::string& name, const std::string& path, const Error& error) {
  const bool is_denied = error.code() == EACCES || error.code() == EPERM;
  const auto reason =
      error.code() == 0 ? error.text() : Error::from_errno(error.code(), escaped(path)).text();
  skip(name, reason, is_denied ? "run it as root" : "");
}

}  // namespace guard::doctor
