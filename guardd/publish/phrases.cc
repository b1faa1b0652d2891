#include "guardd/publish/phrases.h"

#include <fmt/format.h>

#include <array>

#include "policy/base/text.h"

namespace guard {
namespace {

std::string group_text(const Violation& violation, Gid gid) {
  if (gid.value == 0) return "root";
  if (gid == violation.gid_wanted && !violation.group_wanted.empty())
    return escaped(violation.group_wanted);
  if (violation.before && violation.before->gid == gid && !violation.group_before.empty())
    return escaped(violation.group_before);
  if (violation.after && violation.after->gid == gid && !violation.group_after.empty())
    return escaped(violation.group_after);
  return std::to_string(gid.value);
}

}  // namespace

Tone tone_of(Outcome outcome) {
  constexpr std::array kTones{Tone::kOdd, Tone::kGood, Tone::kBad, Tone::kOdd};
  return kTones[static_cast<std::size_t>(outcome)];
}

std::string user_text(const Violation& violation, Uid uid, const std::string& otherwise) {
  if (uid == kRoot) return "root";
  if (uid == violation.uid_wanted && !violation.owner_wanted.empty())
    return escaped(violation.owner_wanted);
  const auto& actor = *violation.actor;
  for (const auto& [id, name] :
       {std::pair(actor.fsuid, actor.fsuid_name), std::pair(actor.euid, actor.euid_name),
        std::pair(actor.login_uid, actor.login_user)})
    if (id == uid && name) return escaped(*name);
  if (violation.before && violation.before->uid == uid && !violation.owner_before.empty())
    return escaped(violation.owner_before);
  if (violation.after && violation.after->uid == uid && !violation.owner_after.empty())
    return escaped(violation.owner_after);
  return otherwise;
}

std::string container_text(const Actor& actor) {
  constexpr std::size_t kShown = 12;  // as Docker and Podman show ids
  if (actor.container_name) return "container " + escaped(*actor.container_name);
  return actor.container ? "container " + escaped(actor.container->substr(0, kShown)) : "";
}

std::string wanted_in_container(const Violation& violation) {
  const auto& name = violation.owner_in_container;
  if (name.empty() || name == violation.owner_wanted) return {};
  return " (" + escaped(name) + " in " + container_text(*violation.actor) + ')';
}

std::string wanted_owner_text(const Violation& violation) {
  const auto& name = violation.owner_wanted;
  const auto number = std::to_string(violation.uid_wanted.value);
  return (name.empty() || name == number ? "uid " + number : escaped(name)) +
         wanted_in_container(violation);
}

std::string owner_text(const Violation& violation, Uid uid, Gid gid) {
  return user_text(violation, uid, std::to_string(uid.value)) + ':' + group_text(violation, gid);
}

std::string totals_text(const Colours& paint, const Incident& incident) {
  // What needs attention comes last, where it is seen best.
  std::string text;
  for (const auto outcome :
       {Outcome::kFixed, Outcome::kDenied, Outcome::kLogged, Outcome::kSkipped}) {
    const auto count = incident.by_outcome[static_cast<std::size_t>(outcome)];
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += paint(tone_of(outcome), grouped(count) + ' ' + std::string(word(outcome)));
  }
  return text;
}

std::string length_text(TimePoint from, TimePoint to) {
  const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(to - from);
  if (length < std::chrono::milliseconds(100)) return "at once";
  if (length < std::chrono::minutes(2))
    return fmt::format("in {:.1f} s", static_cast<double>(length.count()) / 1000);
  return fmt::format("in {} min", std::chrono::round<std::chrono::minutes>(length).count());
}

std::string guarded_text(const ReadyNews& news) {
  auto text =
      fmt::format("{} in {}, {}, through {}", counted(news.policies, "policy", "policies"),
                  counted(news.trees, "tree", "trees"),
                  counted(news.directories, "directory", "directories"), word(news.backend));
  if (news.pending > 0) text += "; " + grouped(news.pending) + " not there yet";
  return text;
}

std::string counters_text(const Counters& counters) {
  auto text = counted(counters.violations, "violation", "violations") + " seen, " +
              grouped(counters.fixed) + " fixed";
  if (counters.denied > 0) text += ", " + grouped(counters.denied) + " denied";
  if (counters.lost > 0) text += ", " + grouped(counters.lost) + " lost";
  return text;
}

}  // namespace guard
