#include "guardd/ctl/doctor/check.h"

#include <cerrno>

#include "policy/base/text.h"

namespace guard::doctor {

void Group::add(const std::string& name, Mark mark, const std::string& finding,
                const std::string& why, const std::string& repair) {
  checks_.push_back(
      {name_, printable(name), mark, printable(finding), printable(why), printable(repair)});
}

void Group::ok(const std::string& name, const std::string& finding, const std::string& why) {
  add(name, Mark::kOk, finding, why, "");
}

void Group::warn(const std::string& name, const std::string& finding, const std::string& why,
                 const std::string& repair) {
  add(name, Mark::kWarn, finding, why, repair);
}

void Group::fail(const std::string& name, const std::string& finding, const std::string& why,
                 const std::string& repair) {
  add(name, Mark::kFail, finding, why, repair);
}

void Group::skip(const std::string& name, const std::string& finding, const std::string& repair) {
  add(name, Mark::kSkipped, finding, "", repair);
}

void Group::skip(const std::string& name, const std::string& path, const Error& error) {
  const bool is_denied = error.code() == EACCES || error.code() == EPERM;
  const auto reason =
      error.code() == 0 ? error.text() : Error::from_errno(error.code(), escaped(path)).text();
  skip(name, reason, is_denied ? "run it as root" : "");
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace guard::doctor
