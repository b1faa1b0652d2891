#include "tests/model/secrets.h"

#include <sstream>
#include <string_view>

#include "tests/model/acts.h"

namespace guard::test {

Place place_of(const std::string& path) {
  std::string_view rest(path);
  if (const auto at = rest.find("/srv/"); at != std::string_view::npos) rest.remove_prefix(at + 5);
  constexpr std::string_view kTree = "tree/";
  if (!rest.starts_with(kTree)) return Place::kOutside;
  rest.remove_prefix(kTree.size());
  const auto first = rest.substr(0, rest.find('/'));
  if (first == "secrets" || first == "closed" || rest.ends_with(".key")) return Place::kRoots;
  return rest.ends_with(".group") ? Place::kShared : Place::kServices;
}

bool is_services_to_read(Place place) {
  return place == Place::kServices || place == Place::kShared;
}

std::string Secrets::add(const std::string& origin, bool is_granted) {
  auto text = std::string(kSecret) + std::to_string(++count_);
  auto& secret = secrets_[text];
  secret.origin = origin;
  secret.is_granted = is_granted;
  return text;
}

Secrets::Secret* Secrets::find(const std::string& text) {
  const auto at = secrets_.find(text);
  return at == secrets_.end() ? nullptr : &at->second;
}

void Secrets::grant(const std::string& text) {
  if (auto* secret = find(text)) secret->is_granted = true;
}

void Secrets::grant_all() {
  for (auto& [text, secret] : secrets_) secret.is_granted = true;
}

std::string Secrets::written() const {
  std::ostringstream out;
  out << count_ << '\n';
  for (const auto& [text, secret] : secrets_) {
    out << text << ' ' << secret.origin << ' ' << secret.is_granted << ' '
        << secret.is_hidden_by_directory << ' ' << secret.born.time_since_epoch().count() << '\n';
  }
  return out.str();
}

void Secrets::read(const std::string& written) {
  std::istringstream in(written);
  in >> count_;
  secrets_.clear();
  Secret secret;
  std::chrono::steady_clock::rep born = 0;
  for (std::string text;
       in >> text >> secret.origin >> secret.is_granted >> secret.is_hidden_by_directory >> born;) {
    secret.born = std::chrono::steady_clock::time_point(std::chrono::steady_clock::duration(born));
    secrets_[text] = secret;
  }
}

}  // namespace guard::test
