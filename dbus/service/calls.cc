#include "dbus/service/calls.h"

#include <algorithm>
#include <array>

#include "dbus/names.h"
#include "policy/base/text.h"

namespace guard::bus {
namespace {

constexpr const char* kPolkit = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kPolkitInterface = "org.freedesktop.PolicyKit1.Authority";

// A person needs time to type a password; a program that does not answer has failed.
constexpr std::uint64_t kPersonsPatience = 600'000'000;
constexpr std::uint64_t kPatience = 25'000'000;
constexpr std::size_t kLongestText = 60'000;
// The most unsent messages; beyond that, no progress is sent.
constexpr std::uint64_t kMostQueued = 100;
constexpr const char* kTooMuch = "too many calls are pending: try again when one is answered";

const char* action_of(Need need) {
  switch (need) {
    case Need::kNothing:
      break;
    case Need::kInspect:
      return "org.guardd.guard1.inspect";
    case Need::kPause:
      return "org.guardd.guard1.pause";
    case Need::kManage:
      break;
  }
  return "org.guardd.guard1.manage";
}

// In the order of Denial.
constexpr std::array kErrorNames{
    error::kNoSuchPolicy, error::kNoSuchIncident, error::kInvalidPolicy, error::kInvalidArgument,
    error::kBusy,         error::kDisabled,       error::kFailed};

struct Credentials {
  std::optional<std::uint32_t> uid;
  std::uint32_t pid = 0;
};

// Reading a message continues while no call fails.
bool ok(int code) {
  return code >= 0;
}

Credentials credentials_in(sd_bus_message* message) {
  Credentials credentials;
  if (!ok(sd_bus_message_enter_container(message, 'a', "{sv}"))) return {};
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const char* key = nullptr;
    if (!ok(sd_bus_message_read(message, "s", &key))) return {};
    const std::string_view name = key;
    std::uint32_t number = 0;
    const bool is_wanted = name == "UnixUserID" || name == "ProcessID";
    if (is_wanted ? !ok(sd_bus_message_read(message, "v", "u", &number))
                  : !ok(sd_bus_message_skip(message, "v")))
      return {};
    if (name == "UnixUserID") credentials.uid = number;
    if (name == "ProcessID") credentials.pid = number;
    if (!ok(sd_bus_message_exit_container(message))) return {};
  }
  return credentials;
}

}  // namespace

Call::Call(Calls& calls, sd_bus_message* request)
    : calls_(&calls),
      request_(sd_bus_message_ref(request)),
      sender_(sd_bus_message_get_sender(request)) {}

void Call::tell(const char* signal, const std::function<void(Writer&)>& write) {
  std::uint64_t queued = 0;
  if (!calls_ || !ok(sd_bus_get_n_queued_write(calls_->bus_, &queued)) || queued > kMostQueued)
    return;
  sd_bus_message* made = nullptr;
  int code = sd_bus_message_new_signal(calls_->bus_, &made, kObject, kManager, signal);
  const Message message(made);
  if (ok(code)) code = sd_bus_message_set_destination(made, sender_.c_str());
  if (!ok(code)) return;
  Writer writer(made);
  write(writer);
  if (ok(writer.code())) (void)sd_bus_send(calls_->bus_, made, nullptr);
}

void Call::answer(const std::function<void(Writer&)>& write) {
  if (!calls_) return;
  sd_bus_message* made = nullptr;
  int code = sd_bus_message_new_method_return(request_.get(), &made);
  const Message reply(made);
  if (code >= 0) {
    Writer writer(made);
    write(writer);
    code = writer.code();
  }
  if (code < 0) return deny(error::kFailed, "the answer does not fit into a message");
  calls_->send(*this, made);
}

void Call::deny(const CallFailure& denied) {
  deny(kErrorNames[static_cast<std::size_t>(denied.why)], denied.text);
}

void Call::deny(const char* name, const std::string& text) {
  if (!calls_) return;
  std::string_view shown = text;
  (void)cut_text(shown, kLongestText);
  const auto readable = bus_text(shown);
  const sd_bus_error error{name, readable.c_str(), 0};
  sd_bus_message* made = nullptr;
  (void)sd_bus_message_new_method_error(request_.get(), &made, &error);
  const Message reply(made);  // null: out of memory; the caller times out
  calls_->send(*this, made);
}

Calls::~Calls() {
  for (const auto& call : calls_) {
    call->calls_ = nullptr;
    (void)call->stop_.request_stop();
    // They belong to the connection, which can end before the last owner of the call.
    call->departure_.reset();
    call->question_.reset();
    call->request_.reset();
  }
}

void Calls::begin(sd_bus_message* request, Need need, Run run) {
  if (!sd_bus_message_get_sender(request)) return;  // not over a bus: the caller is unknown
  auto call = std::make_shared<Call>(*this, request);
  call->need_ = need;
  call->run_ = std::move(run);
  const auto of_one = std::count_if(calls_.begin(), calls_.end(), [&](const auto& other) {
    return other->sender_ == call->sender_;
  });
  calls_.push_back(call);
  if (calls_.size() > kMost || static_cast<std::size_t>(of_one) >= kMostOfOne)
    return call->deny(error::kBusy, kTooMuch);
  ask_who(*call);
}

void Calls::ask_who(Call& call) {
  sd_bus_slot* slot = nullptr;
  if (call.need_ != Need::kNothing) {
    // Before asking who the caller is: the bus forgets a caller that has disconnected.
    const auto match =
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" +
        call.sender_ + "'";
    if (!ok(sd_bus_add_match_async(bus_, &slot, match.c_str(), on_departure, nullptr, &call)))
      return call.deny(error::kFailed, "out of memory");
    call.departure_.reset(slot);
  }
  slot = nullptr;
  // Not sd_bus_query_sender_creds(), which waits for the bus.
  const int code = sd_bus_call_method_async(
      bus_, &slot, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
      "GetConnectionCredentials", on_who, &call, "s", call.sender_.c_str());
  if (!ok(code))
    return call.deny(error::kFailed, "the bus cannot be asked for the caller's identity");
  call.question_.reset(slot);
}

int Calls::on_departure(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept {
  auto& call = *static_cast<Call*>(self);
  const char* name = nullptr;
  const char* before = nullptr;
  const char* now = nullptr;
  if (!ok(sd_bus_message_read(message, "sss", &name, &before, &now)) || *now != '\0') return 0;
  if (!call.polkits_number_.empty())
    (void)sd_bus_call_method_async(call.calls_->bus_, nullptr, kPolkit, kPolkitPath,
                                   kPolkitInterface, "CancelCheckAuthorization", nullptr, nullptr,
                                   "s", call.polkits_number_.c_str());
  call.calls_->end(call);
  return 0;
}

int Calls::on_who(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept {
  auto& call = *static_cast<Call*>(self);
  auto& calls = *call.calls_;
  const auto who = sd_bus_message_is_method_error(message, nullptr) != 0 ? Credentials()
                                                                         : credentials_in(message);
  // The caller has disconnected or is unknown. Fails safe: it gets no data.
  if (!who.uid) {
    call.deny(error::kAccessDenied, "the bus does not report the caller's identity");
    return 0;
  }
  call.caller_.uid = Uid{*who.uid};
  call.caller_.pid = static_cast<std::int32_t>(who.pid);
  call.caller_.is_trusted = call.caller_.uid == kRoot;
  call.is_known_ = true;
  if (calls.is_too_much(call))
    call.deny(error::kBusy, kTooMuch);
  else if (call.caller_.is_trusted || call.need_ == Need::kNothing)
    calls.run(call);
  else
    calls.ask_polkit(call);
  return 0;
}

bool Calls::is_too_much(const Call& call) const {
  if (call.caller_.uid == kRoot) return false;
  std::size_t of_user = 0;
  std::size_t of_others = 0;
  for (const auto& each : calls_) {
    if (!each->is_known_ || each->caller_.uid == kRoot) continue;
    ++of_others;
    if (each->caller_.uid == call.caller_.uid) ++of_user;
  }
  return of_user > kMostOfUser || of_others > kMostOfOthers;
}

void Calls::ask_polkit(Call& call) {
  sd_bus_message* made = nullptr;
  int code = sd_bus_message_new_method_call(bus_, &made, kPolkit, kPolkitPath, kPolkitInterface,
                                            "CheckAuthorization");
  const Message question(made);
  const bool may_ask = sd_bus_message_get_allow_interactive_authorization(call.request()) > 0;
  const auto number = "guardd-" + std::to_string(++questions_);
  if (ok(code))
    code = sd_bus_message_append(made, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                 call.sender_.c_str(), action_of(call.need_), 0,
                                 std::uint32_t{may_ask ? 1U : 0U}, number.c_str());
  sd_bus_slot* slot = nullptr;
  if (ok(code))
    code = sd_bus_call_async(bus_, &slot, made, on_verdict, &call,
                             may_ask ? kPersonsPatience : kPatience);
  if (!ok(code)) return decide(call, nullptr);
  call.polkits_number_ = number;
  call.question_.reset(slot);
}

int Calls::on_verdict(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept {
  auto& call = *static_cast<Call*>(self);
  call.polkits_number_.clear();
  const bool failed = sd_bus_message_is_method_error(message, nullptr) != 0;
  call.calls_->decide(call, failed ? nullptr : message);
  return 0;
}

// Fails safe: without a valid answer of polkit, only root is permitted.
void Calls::decide(Call& call, sd_bus_message* verdict) {
  int may = 0;
  int could = 0;
  const bool has_answered = verdict &&
                            ok(sd_bus_message_enter_container(verdict, 'r', "bba{ss}")) &&
                            ok(sd_bus_message_read(verdict, "bb", &may, &could));
  if (call.need_ == Need::kInspect) {
    call.caller_.is_trusted = has_answered && may != 0;
    return run(call);
  }
  if (has_answered && may != 0) return run(call);
  const std::string action = action_of(call.need_);
  if (!has_answered)
    return call.deny(error::kAccessDenied, "only root may do this, because polkit does not answer");
  if (could != 0)
    return call.deny(error::kInteractiveAuthorizationRequired,
                     action + " takes a password: ask again interactively, or as root");
  call.deny(error::kAccessDenied, "polkit does not permit it (" + action + ")");
}

void Calls::run(Call& call) {
  call.question_.reset();
  for (const auto& each : calls_) {
    if (each.get() != &call) continue;
    const auto held = each;
    return held->run_(held);
  }
}

void Calls::send(Call& call, sd_bus_message* reply) {
  if (reply && sd_bus_message_get_expect_reply(call.request()) > 0)
    (void)sd_bus_send(bus_, reply,
                      nullptr);  // on failure the connection ends, and so does the call
  end(call);
}

void Calls::end(Call& call) {
  call.calls_ = nullptr;
  (void)call.stop_.request_stop();
  call.departure_.reset();
  call.question_.reset();
  call.request_.reset();
  calls_.remove_if([&](const auto& each) { return each.get() == &call; });
}

}  // namespace guard::bus
