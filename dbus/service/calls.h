// Pending calls: the caller, whether polkit permits the call, and whether the caller is still
// there. Asks the bus and polkit without waiting, and bounds the pending calls of one caller and of
// all callers. Denies methods that are not in the table. One thread: the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>

#include "dbus/handles.h"
#include "dbus/service/manager.h"
#include "dbus/service/writer.h"

namespace guard::bus {

// The polkit action that a caller other than root needs.
enum class Need : std::uint8_t {
  kNothing,
  kInspect,  // to see all fields; without it, only the public ones
  kPause,
  kManage,
};

class Calls;

class Call {
 public:
  Call(Calls& calls, sd_bus_message* request);

  sd_bus_message* request() const { return request_.get(); }
  const Caller& caller() const { return caller_; }
  std::stop_token stop_token() const {
    return stop_.get_token();
  }  // requested when the caller disconnects

  // A signal to this caller only. Best effort.
  void tell(const char* signal, const std::function<void(Writer&)>& write);
  // Exactly one of these, once.
  void answer(const std::function<void(Writer&)>& write);
  void deny(const CallFailure& denied);
  void deny(const char* name, const std::string& text);

 private:
  friend class Calls;

  Calls* calls_;  // null: already answered
  Message request_;
  std::string sender_;
  Need need_ = Need::kNothing;
  std::function<void(const std::shared_ptr<Call>&)> run_;
  Caller caller_;
  bool is_known_ = false;  // the caller's identity is known
  Slot departure_;
  Slot question_;               // the pending question about the caller
  std::string polkits_number_;  // the polkit cancellation id, while polkit asks a person
  std::stop_source stop_;
};

class Calls {
 public:
  // For callers whose identity is not known yet: more than one user's connections to a bus can
  // have.
  static constexpr std::size_t kMost = 8'192;
  static constexpr std::size_t kMostOfOne = 16;  // per connection
  // A user with many connections counts once. All users other than root together leave room for
  // root, here and in the background jobs (guardd/base/background_jobs.h).
  static constexpr std::size_t kMostOfUser = 24;
  static constexpr std::size_t kMostOfOthers = 48;

  using Run = std::function<void(const std::shared_ptr<Call>&)>;

  explicit Calls(sd_bus* bus) : bus_(bus) {}
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Runs the call once it is permitted. `subject`: the policy or other object of the call, for
  // the message of polkit.
  void begin(sd_bus_message* request, Need need, Run run);

 private:
  friend class Call;

  void ask_who(Call& call);
  bool is_too_much(const Call& call) const;
  void ask_polkit(Call& call);
  void decide(Call& call, sd_bus_message* verdict);
  void run(Call& call);
  void send(Call& call, sd_bus_message* reply);
  void end(Call& call);

  static int on_departure(sd_bus_message* message, void* call, sd_bus_error* error) noexcept;
  static int on_who(sd_bus_message* message, void* call, sd_bus_error* error) noexcept;
  static int on_verdict(sd_bus_message* message, void* call, sd_bus_error* error) noexcept;

  sd_bus* bus_;
  std::list<std::shared_ptr<Call>> calls_;
  std::uint64_t questions_ = 0;
};

}  // namespace guard::bus
