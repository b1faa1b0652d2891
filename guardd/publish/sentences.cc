#include "guardd/publish/sentences.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "guardd/host/terminal_text.h"
#include "guardd/publish/advice.h"
#include "guardd/publish/phrases.h"
#include "policy/base/text.h"

namespace guard {
namespace {

// Longer texts are available in fields of their own.
constexpr std::size_t kPathColumns = 300;
constexpr std::size_t kCommandColumns = 120;

constexpr std::string_view kExcused = "excused: ";

struct Verb {
  std::string_view to;    // "guardd denied root permission to … /srv/shop/x"
  std::string_view past;  // "root … /srv/shop/x"
};

// In the order of Operation.
constexpr std::array<Verb, Words<Operation>::kAll.size()> kVerbs{{
    {"create", "created"},
    {"create the directory", "created the directory"},
    {"create the device or FIFO", "created the device or FIFO"},
    {"create the symbolic link", "created the symbolic link"},
    {"create a hard link of", "created a hard link of"},
    {"rename", "renamed"},
    {"change the owner of", "changed the owner of"},
    {"change the mode of", "changed the mode of"},
    {"write to", "opened for writing"},
    {"truncate", "truncated"},
    {"map for writing", "mapped for writing"},
    {"delete", "deleted"},
    {"delete the directory", "deleted the directory"},
    {"set an attribute of", "set an attribute of"},
    {"remove an attribute of", "removed an attribute of"},
    {"change the access list of", "changed the access list of"},
    {"change the flags of", "changed the flags of"},
    {"mount over", "mounted over"},
    {"read", "read"},
    {"scan", "scanned"},
}};

const Verb& verb_of(Operation operation) {
  return kVerbs[static_cast<std::size_t>(operation)];
}

std::string with_command(const Violation& violation, const std::string& command) {
  auto text = who_text(violation);
  return command.empty() ? text : text + " (" + command + ')';
}

// "alice as root (git pull)"
std::string subject(const Violation& violation) {
  return with_command(violation,
                      shortened(command_text(violation.actor->command), kCommandColumns));
}
std::string subject(const Incident& incident) {
  return with_command(incident.first, commands_text(incident, kCommandColumns));
}

// Nothing is known of the process, because it acted before guardd looked.
bool is_from_scan(const Violation& violation) {
  const auto& actor = *violation.actor;
  return violation.operation == Operation::kScan && !actor.uid && !actor.euid && !actor.fsuid &&
         !actor.login_uid && !actor.unit;
}

// ", left by an unknown process on 2026-11-20 at 14:03:07 UTC"
std::string last_change(const Violation& violation) {
  std::string text = ", left by an unknown process";
  if (!violation.times || violation.times->changed == 0) return text;
  const auto time = rfc3339(TimePoint(std::chrono::duration_cast<TimePoint::duration>(
      std::chrono::nanoseconds(violation.times->changed))));
  return text + " on " + time.substr(0, 10) + " at " + time.substr(11, 8) + " UTC";
}

std::string files_text(const Incident& incident) {
  auto text = counted(incident.count, "file", "files");
  if (incident.count == 1 && !incident.sample.empty())
    return shortened_middle(escaped(incident.sample.front()), kPathColumns);
  if (!incident.directory.empty())
    text += " below " + shortened_middle(escaped(incident.directory), kPathColumns);
  return text;
}

std::string path_of(const Violation& violation) {
  return shortened_middle(escaped(violation.path), kPathColumns);
}

// "owned by root:root instead of shop:shop, with mode 0666 instead of 0640"; empty: unknown.
std::string end_state(const Violation& violation) {
  std::string text;
  if (!violation.before) return text;
  const auto& before = *violation.before;
  if (before.uid != violation.uid_wanted || before.gid != violation.gid_wanted)
    text = "owned by " + owner_text(violation, before.uid, before.gid) + " instead of " +
           owner_text(violation, violation.uid_wanted, violation.gid_wanted) +
           wanted_in_container(violation);
  const bool fixed = violation.action == Outcome::kFixed && violation.after;
  const auto mode = fixed ? violation.after->mode : violation.mode_wanted;
  if (mode && *mode != before.mode) {
    if (!text.empty()) text += ", ";
    text += fmt::format("with mode {:04o} instead of {:04o}", before.mode.value, mode->value);
  }
  return text;
}

// "opened /srv/shop/x for writing"
std::string past_of(const Violation& violation) {
  constexpr std::string_view kPurpose = " for writing";
  auto past = verb_of(violation.operation).past;
  const bool has_purpose = past.ends_with(kPurpose);
  if (has_purpose) past.remove_suffix(kPurpose.size());
  auto text = std::string(past) + ' ' + path_of(violation);
  return has_purpose ? text.append(kPurpose) : text;
}

std::string description_of(const Violation& violation, const std::string& who) {
  if (is_from_scan(violation))
    return "a scan found " + path_of(violation) + ' ' + end_state(violation) +
           last_change(violation);
  if (violation.guard == Guard::kOwnership) {
    if (const auto state = end_state(violation); !state.empty())
      return who + " left " + path_of(violation) + ' ' + state;
    return who + ' ' + past_of(violation);
  }
  return who + ' ' + past_of(violation) + "; only " + wanted_owner_text(violation) + " may do that";
}

}  // namespace

std::string sentence_of(const Violation& violation) {
  const auto who = subject(violation);
  const auto policy = escaped(violation.policy);
  const auto reason = printable(violation.reason);
  std::string text;
  switch (violation.action) {
    case Outcome::kDenied:
      text = fmt::format("guardd denied {} permission to {} {}; only {} may do that (policy {})",
                         who, verb_of(violation.operation).to, path_of(violation),
                         wanted_owner_text(violation), policy);
      break;
    case Outcome::kFixed:
      text = description_of(violation, who) + "; guardd fixed it (policy " + policy + ')';
      break;
    case Outcome::kSkipped:
      text = description_of(violation, who) + "; guardd did not fix it (policy " + policy + ')';
      break;
    case Outcome::kLogged:
      if (reason.starts_with(kExcused))
        return description_of(violation, who) + "; guardd left it, because it is excused (policy " +
               policy + ") " + reason.substr(kExcused.size());
      text = description_of(violation, who) + "; guardd only logged it (policy " + policy + ')';
      break;
  }
  if (!reason.empty()) text += ": " + reason;
  if (violation.repeats > 0) text += "; " + grouped(violation.repeats) + " more like it";
  return text;
}

std::string opened_sentence(const Incident& incident) {
  const auto& first = incident.first;
  const auto policy = " (policy " + escaped(first.policy) + ')';
  const auto place = incident.directory.empty()
                         ? std::string()
                         : " below " + shortened_middle(escaped(incident.directory), kPathColumns);
  const auto owner = wanted_owner_text(first);
  if (is_from_scan(first))
    return "a scan found files that should belong to " + owner + place + policy;
  auto text = fmt::format("{} is working on files that belong to {}{}{}", subject(incident), owner,
                          place, policy);
  const auto advice = advice_for(incident);
  if (!advice.commands.empty()) text += "; use instead: " + advice.commands.front();
  if (advice.commands.size() == 1 && !advice.remark.empty()) text += ' ' + advice.remark;
  return text;
}

std::string closed_sentence(const Incident& incident) {
  const auto& first = incident.first;
  const auto files = files_text(incident);
  const auto owner = wanted_owner_text(first);
  const auto that = incident.count == 1 ? ", which" : " that";
  const auto denied = incident.by_outcome[static_cast<std::size_t>(Outcome::kDenied)];
  std::string text;
  if (denied == incident.count)
    text = fmt::format("guardd denied {} access to {}{} belong{} to {}", subject(incident), files,
                       that, incident.count == 1 ? "s" : "", owner);
  else if (is_from_scan(first))
    text = fmt::format("a scan found {}{} should belong to {}", files, that, owner);
  else if (first.guard == Guard::kOwnership)
    text = fmt::format("{} left {}{} should belong to {}", subject(incident), files, that, owner);
  else
    text = fmt::format("{} {} {}, which only {} may do", subject(incident),
                       first.guard == Guard::kRead ? "read" : "changed", files, owner);
  text += fmt::format(": {}, {} (policy {})", totals_text(Colours(), incident),
                      length_text(incident.first_seen, incident.last_seen), escaped(first.policy));
  if (incident.unlisted > 0)
    text += "; " + grouped(incident.unlisted) + " fixed files have no record of their own";
  return text;
}

std::string public_sentence(const Incident& incident, bool is_closed) {
  auto known = incident;
  known.command.cmdline.clear();
  for (auto& each : known.commands) each.command.cmdline.clear();
  auto& actor = known.first.actor.edit();
  actor.cmdline.reset();
  actor.command.cmdline.clear();
  return is_closed ? closed_sentence(known) : opened_sentence(known);
}

std::string sentence_of(const ReadyNews& news) {
  if (news.policies == 0) return "guardd is ready, but " + std::string(kNothingGuarded);
  return "guardd guards " + guarded_text(news);
}

std::string sentence_of(const ReloadNews& news) {
  if (news.done) return "guardd has reloaded " + counted(news.policies, "policy", "policies");
  std::string text = "guardd could not reload; the previous policies stay in force";
  if (!news.errors.empty()) text += ": " + printable(news.errors.front());
  if (news.errors.size() > 1) text += "; and " + grouped(news.errors.size() - 1) + " more";
  return text;
}

std::string sentence_of(const HealthNews& news) {
  const auto reason = printable(news.reason);
  switch (news.health) {
    case Health::kOk:
    case Health::kPaused:
      return "guardd: " + reason;
    case Health::kDegraded:
      return "guardd is degraded: " + reason;
    case Health::kDisabled:
      break;
  }
  return "guardd enforces nothing: " + reason;
}

std::string sentence_of(const ExcuseNews& news) {
  const auto process = " (process " + std::to_string(news.pid) + ')';
  if (news.is_over) return "the excuse for " + escaped(news.command) + process + " has ended";
  return escaped(news.user) + " excused " + escaped(news.command) + process +
         " and everything it starts: " + escaped(news.reason);
}

std::string sentence_of(const ManualRepairNews& news) {
  const auto files = [](std::uint64_t count) {
    return grouped(count) + (count == 1 ? " file" : " files");
  };
  const auto left = news.left == 0 ? "" : " and left " + files(news.left) + " unchanged";
  const auto who = escaped(news.user);
  if (news.kind == ManualRepairNews::Kind::kUndo)
    return who + " undid the fixes of incident " + escaped(news.where) + ": guardd restored " +
           files(news.done) + left;
  return who + " requested a fix of " +
         (news.where.empty() ? "all policies" : escaped(news.where)) + ": guardd fixed " +
         files(news.done) + left;
}

std::string sentence_of(const StopNews& news) {
  std::string text = "guardd has stopped";
  if (!news.reason.empty()) text += " (" + printable(news.reason) + ')';
  return text + ": " + counters_text(news.counters);
}

}  // namespace guard
