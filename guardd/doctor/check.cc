#include "guardd/doctor/check.h"

#include <cerrno>

#include "policy/base/text.h"

namespace guard::doctor {

void Group::add(std::string name, Mark mark, std::string finding, std::string why,
                std::string remedy) {
  checks_.push_back(
      {name_, printable(name), mark, printable(finding), printable(why), printable(remedy)});
}

void Group::ok(std::string name, std::string finding) {
  add(std::move(name), Mark::kOk, std::move(finding), "", "");
}

void Group::warn(std::string name, std::string finding, std::string why, std::string remedy) {
  add(std::move(name), Mark::kWarn, std::move(finding), std::move(why), std::move(remedy));
}

void Group::fail(std::string name, std::string finding, std::string why, std::string remedy) {
  add(std::move(name), Mark::kFail, std::move(finding), std::move(why), std::move(remedy));
}

void Group::skip(std::string name, std::string finding, std::string remedy) {
  add(std::move(name), Mark::kSkipped, std::move(finding), "", std::move(remedy));
}

void Group::skip(std::string name, const std::string& path, const Error& error) {
  const bool is_denied = error.code() == EACCES || error.code() == EPERM;
  const auto because =
      error.code() == 0 ? error.text() : Error::from_errno(error.code(), escaped(path)).text();
  skip(std::move(name), because, is_denied ? "ask again as root" : "");
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
