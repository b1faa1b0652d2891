// Calls in flight: who asks, whether polkit lets it, and whether it is still there to be answered.
// Asks the bus and polkit without waiting, and bounds how much one caller and all of them together
// can have going on. What is not on the list of methods is refused. One thread: the loop.
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

// What a caller who is not root needs polkit to say yes to.
enum class Need : std::uint8_t {
  kNothing,
  kInspect,  // to be told everything; without it, what everybody may know
  kPause,
  kManage,
};

class Calls;

class Call {
 public:
  Call(Calls& calls, sd_bus_message* request);

  sd_bus_message* request() const { return request_.get(); }
  const Caller& caller() const { return caller_; }
  std::stop_token stop_token() const { return stop_.get_token(); }  // asked when the caller leaves

  // A signal to the caller alone. Best effort: nobody waits for one.
  void tell(const char* signal, const std::function<void(Writer&)>& write);
  // One of these, once.
  void answer(const std::function<void(Writer&)>& write);
  void deny(const CallFailure& denied);
  void deny(const char* name, const std::string& text);

 private:
  friend class Calls;

  Calls* calls_;  // null: it is over
  Message request_;
  std::string sender_;
  Need need_ = Need::kNothing;
  std::function<void(const std::shared_ptr<Call>&)> run_;
  Caller caller_;
  bool is_known_ = false;  // who the caller is
  Slot departure_;
  Slot question_;               // that is being asked about it
  std::string polkits_number_;  // of the question, while polkit asks a person
  std::stop_source stop_;
};

class Calls {
 public:
  // Of callers not known yet: more than the connections that a bus gives one user can have going
  // on.
  static constexpr std::size_t kMost = 8'192;
  static constexpr std::size_t kMostOfOne = 16;  // connection
  // Whoever opens many connections is still one; and all but root together leave room for root,
  // here and where the work is done (guardd/base/background_jobs.h).
  static constexpr std::size_t kMostOfUser = 24;
  static constexpr std::size_t kMostOfOthers = 48;

  using Run = std::function<void(const std::shared_ptr<Call>&)>;

  explicit Calls(sd_bus* bus) : bus_(bus) {}
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Runs it once it is known that it may. `subject`: the policy or whatever else it is about, for
  // the question that polkit asks.
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
