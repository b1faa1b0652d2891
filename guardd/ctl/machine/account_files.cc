#include "guardd/ctl/machine/account_files.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "guardd/ctl/machine/config_lines.h"

namespace guard::suggest {
namespace {

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto colon = line.find(':');
    fields.push_back(line.substr(0, colon));
    if (colon == std::string_view::npos) return fields;
    line.remove_prefix(colon + 1);
  }
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

AccountFiles::AccountFiles(const Result<std::string>& passwd, const Result<std::string>& group) {
  if (passwd) {
    for (const auto line : lines_of(*passwd)) {
      const auto fields = fields_of(line);
      if (fields.size() < 4 || fields[0].empty()) continue;
      const auto uid = number(fields[2]);
      const auto gid = number(fields[3]);
      if (uid && gid) accounts_.push_back({std::string(fields[0]), Uid{*uid}, Gid{*gid}});
    }
  }
  if (!group) return;
  for (const auto line : lines_of(*group)) {
    const auto fields = fields_of(line);
    if (fields.size() < 3 || fields[0].empty()) continue;
    if (const auto gid = number(fields[2])) groups_.emplace_back(fields[0], Gid{*gid});
  }
}

Result<std::optional<Account>> AccountFiles::user(const std::string& name) const {
  for (const auto& account : accounts_)
    if (account.name == name) return std::optional(account);
  return std::optional<Account>();
}

Result<std::optional<Account>> AccountFiles::user(Uid uid) const {
  for (const auto& account : accounts_)
    if (account.uid == uid) return std::optional(account);
  return std::optional<Account>();
}

Result<std::optional<Gid>> AccountFiles::group(const std::string& name) const {
  for (const auto& [known, gid] : groups_)
    if (known == name) return std::optional(gid);
  return std::optional<Gid>();
}

Result<std::optional<std::string>> AccountFiles::group_name(Gid gid) const {
  for (const auto& [name, known] : groups_)
    if (known == gid) return std::optional(name);
  return std::optional<std::string>();
}

std::vector<std::string> AccountFiles::user_names() const {
  std::vector<std::string> names;
  for (const auto& account : accounts_) names.push_back(account.name);
  return names;
}

std::vector<std::string> AccountFiles::group_names() const {
  std::vector<std::string> names;
  for (const auto& [name, gid] : groups_) names.push_back(name);
  return names;
}

}  // namespace guard::suggest
