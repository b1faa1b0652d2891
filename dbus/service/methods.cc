#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "dbus/names.h"
#include "dbus/service/filter.h"
#include "dbus/service/records.h"
#include "dbus/service/service.h"
#include "dbus/service/tables.h"
#include "policy/base/text.h"

namespace guard::bus {
namespace {

using CallPtr = std::shared_ptr<Call>;

constexpr std::size_t kUsualIncidents = 100;
constexpr std::size_t kUsualRows = 10;
// The system bus disconnects a sender whose message exceeds 32 MiB.
constexpr std::size_t kMostBytes = std::size_t{12} << 20U;
constexpr std::size_t kMostFiles = 10'000;
constexpr std::size_t kUsualFiles = 1'000;
constexpr std::size_t kBytesOfAFile = 4'096;
constexpr std::size_t kLongestReason = 400;
constexpr std::size_t kLongestCommand = 4'096;

void invalid(const CallPtr& call, const std::string& text) {
  call->deny({Denial::kInvalidArgument, text});
}

// Replies with the value as written by write(writer, value), or with the failure.
template <typename T, typename Write>
Reply<T> answer_to(const CallPtr& call, Write write) {
  return [call, write](const std::variant<T, CallFailure>& result) {
    if (const auto* denied = std::get_if<CallFailure>(&result)) return call->deny(*denied);
    call->answer([&](Writer& writer) { write(writer, std::get<T>(result)); });
  };
}

Reply<NoValue> answer_nothing(const CallPtr& call) {
  return answer_to<NoValue>(call, [](Writer& /*writer*/, const NoValue& /*value*/) {});
}

template <typename Record, typename... More>
Reply<std::shared_ptr<const Record>> answer_record(const CallPtr& call, More... more) {
  using Made = std::shared_ptr<const Record>;
  return answer_to<Made>(
      call, [more...](Writer& writer, const Made& made) { write(writer, *made, more...); });
}

// sd-bus has already checked the types of the arguments.
template <typename... Arguments>
bool read(const CallPtr& call, const char* types, Arguments... arguments) {
  if (sd_bus_message_read(call->request(), types, arguments...) >= 0) return true;
  invalid(call, "the arguments cannot be read");
  return false;
}

std::size_t files_listed(std::uint32_t limit) {
  return limit == 0 ? kUsualFiles : std::min<std::size_t>(limit, kMostFiles);
}

// The most entries that fit into a message.
template <typename File, typename Write>
void write_files(Writer& writer, const std::vector<File>& files, Write write_one) {
  std::size_t bytes = 0;
  writer.open('a', "a{sv}");
  for (const auto& file : files) {
    bytes += kBytesOfAFile + 4 * file.path.size();
    if (bytes > kMostBytes) break;
    write_one(file);
  }
  writer.close();
}

void reload(Manager& manager, const CallPtr& call) {
  manager.reload(answer_nothing(call));
}

OnProgress progress_to(const CallPtr& call) {
  return [call](const ScanNow& now) {
    call->tell("ScanProgress", [&](Writer& writer) {
      for (const auto number : {now.looked_at, now.expected, now.found, now.fixed})
        writer.number(number);
    });
  };
}

void scan(Manager& manager, const CallPtr& call) {
  const char* where = nullptr;
  int fix = 0;
  if (!read(call, "sb", &where, &fix)) return;
  manager.scan(where, fix != 0, call->caller(), call->stop_token(), progress_to(call),
               answer_to<ScanTotals>(call, [](Writer& writer, const ScanTotals& totals) {
                 writer.small_number(totals.found);
                 writer.small_number(totals.fixed);
               }));
}

void find_wrong(Manager& manager, const CallPtr& call) {
  const char* where = nullptr;
  std::uint32_t limit = 0;
  if (!read(call, "su", &where, &limit)) return;
  using WrongPtr = std::shared_ptr<const WrongFiles>;
  manager.find_wrong(where, files_listed(limit), call->stop_token(), progress_to(call),
                     answer_to<WrongPtr>(call, [](Writer& writer, const WrongPtr& wrong) {
                       write_files(writer, wrong->files, [&](const Violation& file) {
                         write(writer, file, Audience::kTrusted, 0);
                       });
                       writer.small_number(wrong->found);
                     }));
}

void explain(Manager& manager, const CallPtr& call) {
  const void* bytes = nullptr;
  std::size_t size = 0;
  std::uint32_t uid = 0;
  const char* word = nullptr;
  if (sd_bus_message_read_array(call->request(), 'y', &bytes, &size) < 0)
    return invalid(call, "the path cannot be read");
  if (!read(call, "us", &uid, &word)) return;
  ExplainRequest asked;
  if (size > 0) asked.path.assign(static_cast<const char*>(bytes), size);
  if (asked.path.ends_with('\0')) asked.path.pop_back();  // some libraries send the final NUL
  if (!asked.path.starts_with('/') || asked.path.find('\0') != std::string::npos ||
      asked.path.size() > std::size_t{64} * PATH_MAX)
    return invalid(call, "the path is not absolute");
  asked.user = Uid{uid};
  if (*word != '\0') {
    asked.operation = parse_word<Operation>(word);
    if (!asked.operation || *asked.operation == Operation::kScan)
      return invalid(
          call, "unknown operation " + quote(word) + did_you_mean(word, Words<Operation>::kAll));
  }
  manager.explain(asked, call->caller(), call->stop_token(), answer_record<ExplainReply>(call));
}

// Denies a call without a reason. `what`: "a pause".
bool has_reason(const CallPtr& call, std::string_view reason, const char* what) {
  if (reason.find_first_not_of(" \t\n") == std::string_view::npos)
    invalid(call, std::string(what) + " needs a reason");
  else if (reason.size() > kLongestReason)
    invalid(call, "the reason is longer than " + std::to_string(kLongestReason) + " bytes");
  else
    return true;
  return false;
}

void pause(Manager& manager, const CallPtr& call) {
  const char* policy = nullptr;
  std::uint64_t length = 0;
  const char* reason = nullptr;
  if (!read(call, "sts", &policy, &length, &reason) || !has_reason(call, reason, "a pause")) return;
  if (length > static_cast<std::uint64_t>(INT64_MAX)) return invalid(call, "the pause is too long");
  manager.pause(policy, std::chrono::microseconds(static_cast<std::int64_t>(length)), reason,
                call->caller(), answer_nothing(call));
}

void resume(Manager& manager, const CallPtr& call) {
  const char* policy = nullptr;
  if (!read(call, "s", &policy)) return;
  manager.resume(policy, call->caller(), answer_nothing(call));
}

// The pid of a pidfd in this pid namespace; 0: not a pidfd, or the process has exited.
std::int32_t process_of(int pidfd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(pidfd));
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("Pid:"))
      return static_cast<std::int32_t>(std::max(std::strtol(line.c_str() + 4, nullptr, 10), 0L));
  return 0;
}

// Checks both the caller's pidfd of itself, which always refers to the same process, and the pid
// that the bus reports, so that a caller cannot use the descriptor of another process.
void excuse(Manager& manager, const CallPtr& call) {
  ExcuseResult excused;
  const char* reason = nullptr;
  const char* command = nullptr;
  if (!read(call, "hss", &excused.process, &reason, &command)) return;
  if (!has_reason(call, reason, "an excuse")) return;
  excused.reason = reason;
  std::string_view shown = command;
  (void)cut_text(shown, kLongestCommand);
  excused.command = shown;
  excused.pid = process_of(excused.process);
  if (excused.pid <= 0 || excused.pid != call->caller().pid)
    return invalid(call, "a process can only excuse itself");
  manager.excuse(excused, call->caller(), answer_nothing(call));
}

Audience audience_of(const CallPtr& call) {
  return call->caller().is_trusted ? Audience::kTrusted : Audience::kEverybody;
}

// The filter of a call. Denies the call and returns nothing if it is invalid or not permitted: a
// caller that can filter by the beginning of commands could find out all of them.
std::optional<RecordFilter> filter_of(const CallPtr& call, std::size_t usual) {
  auto filter = read_filter(call->request(), usual);
  if (!filter.error.empty())
    invalid(call, filter.error);
  else if (audience_of(call) == Audience::kEverybody && !filter.asked.command.empty())
    call->deny(error::kAccessDenied, "you may not filter by command");
  else
    return std::move(filter.asked);
  return std::nullopt;
}

// The approximate size in a message, rather too large than too small.
std::size_t weight(const Incident& incident) {
  std::size_t bytes = 16'384 + 4 * incident.first.path.size();
  for (const auto& path : incident.sample) bytes += 4 * path.size();
  for (const auto& each : incident.first.actor->lineage)
    bytes += 2 * (each.cmdline.size() + each.exe.size());
  return bytes;
}

void list_incidents(Manager& manager, const CallPtr& call) {
  const auto filter = filter_of(call, kUsualIncidents);
  if (!filter) return;
  const auto audience = audience_of(call);
  manager.incidents(*filter, call->caller(), call->stop_token(),
                    answer_to<std::vector<IncidentFields>>(
                        call, [audience](Writer& writer, const std::vector<IncidentFields>& found) {
                          std::size_t bytes = 0;
                          writer.open('a', "a{sv}");
                          for (const auto& each : found) {
                            bytes += weight(each.incident);
                            if (bytes > kMostBytes)
                              break;  // the caller requests the rest with `until`
                            write(writer, each, audience, 0);
                          }
                          writer.close();
                        }));
}

void get_incident(Manager& manager, const CallPtr& call) {
  const char* id = nullptr;
  if (!read(call, "s", &id)) return;
  RecordFilter filter;
  filter.incident = id;
  filter.limit = 1;
  if (filter.incident.empty()) return invalid(call, "the filter needs the id of an incident");
  const auto audience = audience_of(call);
  manager.incidents(
      filter, call->caller(), call->stop_token(),
      [call, audience](const std::variant<std::vector<IncidentFields>, CallFailure>& result) {
        if (const auto* denied = std::get_if<CallFailure>(&result)) return call->deny(*denied);
        const auto& found = std::get<std::vector<IncidentFields>>(result);
        if (found.empty())
          return call->deny({Denial::kNoSuchIncident,
                             "there is no such incident, or it has been removed from the history"});
        call->answer([&](Writer& writer) { write(writer, found.front(), audience, 0); });
      });
}

void report(Manager& manager, const CallPtr& call) {
  if (const auto filter = filter_of(call, kUsualRows))
    manager.report(*filter, call->caller(), call->stop_token(),
                   answer_record<Report>(call, audience_of(call)));
}

void learn(Manager& manager, const CallPtr& call) {
  const auto filter = read_filter(call->request(), 0);
  if (!filter.error.empty()) return invalid(call, filter.error);
  if (filter.asked.policy.empty()) return invalid(call, "name the policy to learn for");
  if (!filter.asked.command.empty()) return invalid(call, "learning cannot be filtered by command");
  manager.learn(filter.asked, call->caller(), call->stop_token(), answer_record<Lessons>(call));
}

using UndoingPtr = std::shared_ptr<const UndoCall>;

void undo(Manager& manager, const CallPtr& call) {
  const char* id = nullptr;
  if (!read(call, "s", &id)) return;
  manager.undo({id, false, 0}, call->caller(), call->stop_token(),
               answer_to<UndoingPtr>(call, [](Writer& writer, const UndoingPtr& undoing) {
                 writer.small_number(undoing->restored);
               }));
}

void undo_files(Manager& manager, const CallPtr& call) {
  const char* id = nullptr;
  int dry_run = 0;
  std::uint32_t limit = 0;
  if (!read(call, "sbu", &id, &dry_run, &limit)) return;
  manager.undo({id, dry_run != 0, files_listed(limit)}, call->caller(), call->stop_token(),
               answer_to<UndoingPtr>(call, [](Writer& writer, const UndoingPtr& undoing) {
                 write_files(writer, undoing->files,
                             [&](const UndoneFile& file) { write(writer, file); });
                 writer.small_number(undoing->restored);
                 writer.small_number(undoing->left);
               }));
}

struct Method {
  std::string_view name;
  Need need;
  void (*run)(Manager& manager, const CallPtr& call);
};

// Even a scan that changes nothing reads every directory of a tree, so not every user may start
// one.
constexpr std::array<Method, 13> kMethods{{
    {"Reload", Need::kManage, reload},
    {"Scan", Need::kManage, scan},
    {"FindWrong", Need::kManage, find_wrong},
    {"Explain", Need::kNothing, explain},
    {"Pause", Need::kPause, pause},
    {"Resume", Need::kPause, resume},
    {"Excuse", Need::kPause, excuse},
    {"ListIncidents", Need::kInspect, list_incidents},
    {"GetIncident", Need::kInspect, get_incident},
    {"Report", Need::kInspect, report},
    {"Learn", Need::kNothing, learn},
    {"Undo", Need::kManage, undo},
    {"UndoFiles", Need::kManage, undo_files},
}};

}  // namespace

int on_method(sd_bus_message* request, void* self, sd_bus_error* error) noexcept {
  auto& service = *static_cast<Service*>(self);
  const std::string_view name = sd_bus_message_get_member(request);
  const auto* method = std::find_if(kMethods.begin(), kMethods.end(),
                                    [&](const Method& each) { return each.name == name; });
  if (method == kMethods.end() || !service.calls())
    return sd_bus_error_set(error, error::kAccessDenied, "guardd does not permit this method");
  auto* manager = &service.manager();
  const auto run = method->run;
  service.calls()->begin(request, method->need,
                         [manager, run](const CallPtr& call) { run(*manager, call); });
  return 1;
}

}  // namespace guard::bus
