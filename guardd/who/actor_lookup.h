// What has to be asked about an actor: the names of its users, which may be a directory service's,
// and what its environment and those above it say. A thread of its own asks, one question at a
// time, and may hang for minutes; whoever wants to know never waits in here. What was learned is
// kept, both it and the questions are bounded. All but the thread: the daemon's loop.
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
  // Nothing: there is no such user, or nobody can tell.
  using NameOf = std::function<std::optional<std::string>(Uid)>;

  struct Options {
    NameOf name_of;                        // may take as long as it likes
    std::string accounts = "/etc/passwd";  // looked into first: it keeps nobody waiting
    std::string proc = "/proc";
    std::chrono::milliseconds patience{50};
    std::chrono::seconds good_for{300};  // then a name is asked for again, and is used meanwhile
    std::size_t names = 1024;
    std::size_t processes = 1024;
    std::size_t questions = 256;
  };

  struct Counters {
    std::uint64_t asked = 0;
    std::uint64_t denied = 0;  // there was no room for the question
  };

  explicit ActorLookup(Options options);
  ~ActorLookup();
  ActorLookup(const ActorLookup&) = delete;
  ActorLookup& operator=(const ActorLookup&) = delete;

  // Puts in what is known, and asks for the rest. False: it pays to come back, when fd() is
  // readable or patience() is over. True: that is all there will be, for now at least.
  bool complete(Actor& actor);

  int fd() const;  // readable after an answer; heard() makes it quiet
  void heard();
  std::chrono::milliseconds patience() const;
  Counters counters() const;

 private:
  struct State;  // the thread's too: it may outlive us, where it hangs
  std::shared_ptr<State> state_;
};

// By the rules that describe.h states; its names must be there.
void name_the_human(Actor& actor);

// The name that the accounts file has for this user.
std::optional<std::string> local_name(const std::string& accounts, Uid user);

// What an environment says of where its process came from. As it says it: nobody vouches for it.
struct Hints {
  std::string sudo_user;
  std::string ssh;  // SSH_CONNECTION, or SSH_CLIENT
};
Hints hints_in(std::string_view environment);

}  // namespace guard
