#include "policy/load/names.h"

#include "policy/base/text.h"

namespace guard {
namespace {

void report_unknown(Diagnostics& diagnostics, Place place, std::string_view kind,
                    std::string_view name, const std::vector<std::string>& known) {
  diagnostics.error(place,
                    "unknown " + std::string(kind) + " " + quote(name) + did_you_mean(name, known));
}

template <typename Answers, typename Ask>
const auto& remembered(Answers& answers, const std::string& name, Ask ask) {
  auto known = answers.find(name);
  if (known == answers.end()) known = answers.emplace(name, ask()).first;
  return known->second;
}

}  // namespace

std::optional<ResolvedUser> Names::user(std::string_view key, const Setting<Principal>& said) {
  const auto* number = std::get_if<std::uint32_t>(&said.value);
  const auto text = number ? std::to_string(*number) : std::get<std::string>(said.value);
  const auto& answer =
      number ? remembered(users_by_number_, text, [&] { return users_.user(Uid{*number}); })
             : remembered(users_by_name_, text, [&] { return users_.user(text); });
  if (answer && *answer) {
    const auto& account = **answer;
    const auto& groups =
        remembered(groups_of_, account.name, [&] { return users_.groups_of(account); });
    return ResolvedUser{{account.uid, account.name}, account.gid, {}, groups};
  }
  const auto no_answer = answer ? ""
                                : std::string(key) + " = " + quote(text) +
                                      " cannot be looked up: " + answer.error().text();
  // A number needs neither an account nor a working directory service.
  if (number) {
    return ResolvedUser{
        {Uid{*number}, text},
        std::nullopt,
        answer ? "uid " + text + " has no account, so its primary group is unknown" : no_answer,
        {}};
  }
  if (!answer) {
    diagnostics_.error(said.place, no_answer);
  } else {
    report_unknown(diagnostics_, said.place, "user", text, users_.user_names());
  }
  return std::nullopt;
}

std::optional<NamedId<Gid>> Names::group(std::string_view key, const Setting<Principal>& said) {
  if (const auto* number = std::get_if<std::uint32_t>(&said.value)) return group(Gid{*number});
  const auto& name = std::get<std::string>(said.value);
  const auto& answer = remembered(groups_by_name_, name, [&] { return users_.group(name); });
  if (answer && *answer) return NamedId<Gid>{**answer, name};
  if (!answer) {
    diagnostics_.error(said.place, std::string(key) + " = " + quote(name) +
                                       " cannot be looked up: " + answer.error().text());
  } else {
    report_unknown(diagnostics_, said.place, "group", name, users_.group_names());
  }
  return std::nullopt;
}

NamedId<Gid> Names::group(Gid gid) {
  auto known = group_names_.find(gid.value);
  if (known == group_names_.end()) {
    const auto answer = users_.group_name(gid);
    // Only for display: if the lookup fails, the number is enough.
    const bool named = answer && *answer;
    known = group_names_.emplace(gid.value, named ? **answer : std::to_string(gid.value)).first;
  }
  return {gid, known->second};
}

bool Names::is_alone_in(const std::string& account, Gid group) {
  return remembered(is_alone_, account + ':' + std::to_string(group.value),
                    [&] { return users_.is_alone_in(account, group); });
}

}  // namespace guard
