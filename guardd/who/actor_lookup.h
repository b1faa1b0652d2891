// Looks up what takes time to find out about an actor: the names of its users, possibly from a
// directory service, and hints in its environment and those of its ancestors. A thread looks up one
// at a time and may hang for minutes; callers never wait. Results and pending look-ups are bounded.
// Called from the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "policy/record/record.h"

namespace guard {

class ActorLookup {
 public:
  // None: there is no such user, or its name cannot be found out.
  using NameOf = std::function<std::optional<std::string>(Uid)>;

  struct Options {
    NameOf name_of;                        // may take any time
    std::string accounts = "/etc/passwd";  // looked up first, because it never hangs
    std::string proc = "/proc";
    std::chrono::milliseconds patience{50};  // before a record goes out without the results
    std::chrono::seconds good_for{300};      // an older name is looked up again, and used meanwhile
    std::size_t names = 1024;
    std::size_t processes = 1024;
    std::size_t questions = 256;
  };

  struct Counters {
    std::uint64_t asked = 0;
    std::uint64_t rejected = 0;  // too many pending look-ups
  };

  explicit ActorLookup(Options options);
  ~ActorLookup();
  ActorLookup(const ActorLookup&) = delete;
  ActorLookup& operator=(const ActorLookup&) = delete;

  // Fills in known results and starts look-ups for the rest. False: call again once fd() is
  // readable or patience() is over. True: nothing more will come soon.
  bool complete(Actor& actor);

  int fd() const;  // readable after a look-up, until clear()
  void clear();
  std::chrono::milliseconds patience() const;
  Counters counters() const;

 private:
  struct State;  // shared with the thread, which may outlive this object if it hangs
  std::shared_ptr<State> state_;
};

// Sets `human` by the rules in describe.h. The names of the actor must be known.
void set_human(Actor& actor);

// What an environment says about the origin of its process. Unverified: any user can set it.
struct Hints {
  std::string sudo_user;
  std::string ssh;  // SSH_CONNECTION, or SSH_CLIENT
};
Hints hints_in(std::string_view environment);

}  // namespace guard
