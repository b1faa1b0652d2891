// What guardd asks inquiry helpers: all that another user can delay. The questions, the answers and
// their form on the channel; each answer is checked against its question. A reply without a value
// says that there is none, or that it did not come in time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/helpers/pool.h"
#include "guardd/host/path_facts.h"
#include "guardd/who/known_container.h"
#include "guardd/who/proc.h"
#include "guardd/who/snapshot.h"
#include "policy/lookup.h"

namespace guard {

enum class Inquiry : std::uint32_t {
  kProcesses = 1,
  kAll,
  kExecutable,
  kHints,
  kUser,
  kWord,
  kGroup,
  kContainer,
  kContainerUser,
  kAccount,
  kPath
};

// How long a process may take to be read. Usually it takes less than a millisecond; on a busy
// machine, waiting for a processor takes far longer. As long as an open waits unless told
// otherwise.
inline constexpr std::chrono::milliseconds kLongestInquiry{500};
inline constexpr std::chrono::seconds kLongestListing{5};
inline constexpr std::chrono::seconds kLongestUserLookup{5};
inline constexpr std::chrono::seconds kLongestLook{5};

struct WantedProcess {
  std::int32_t pid = 0;
  std::uint64_t start = 0;
  bool wants_image = false;
};
inline constexpr std::size_t kMostWantedProcesses = kKnownAncestors + 1;

// `by`: whose processes they are. Replies with as many entries as were asked for, or with none.
using ProcessesReply = std::function<void(std::vector<std::optional<ProcessFacts>> facts)>;
void ask_for_processes(HelperPort& port, const std::vector<WantedProcess>& wanted, Uid by,
                       ProcessesReply reply);

// Replies with some processes at a time.
struct KnownProcess {
  Snapshot ids;
  ProcessFacts facts;
};
using AllProcessesReply = std::function<void(std::vector<KnownProcess> some, bool is_last)>;
void ask_for_all_processes(HelperPort& port, AllProcessesReply reply);

using ExecutableReply = std::function<void(std::optional<InodeId> id)>;
void ask_for_executable(HelperPort& port, const std::string& path, InodeId kernel_id, Uid by,
                        ExecutableReply reply);

// What an environment says about the origin of its process. Unverified: any user can set it.
struct Hints {
  std::string sudo_user;
  std::string ssh;  // SSH_CONNECTION, or SSH_CLIENT
};
Hints hints_in(std::string_view environment);

// Of the nearest process that has them: the first, then the others.
using HintsReply = std::function<void(std::optional<Hints> hints)>;
void ask_for_hints(HelperPort& port, const std::vector<WantedProcess>& family, Uid by,
                   HintsReply reply);

using NameReply = std::function<void(std::optional<std::string> name)>;
void ask_for_name(HelperPort& port, Uid user, NameReply reply);
void ask_for_name(HelperPort& port, Gid group, NameReply reply);

struct KnownAccount {
  Account account;
  std::vector<Gid> groups;  // that a process of it would have
};
using AccountReply = std::function<void(std::optional<KnownAccount> account)>;
void ask_for_account(HelperPort& port, Uid user, AccountReply reply);

// The path need not be resolved.
using PathReply = std::function<void(std::optional<PathState> state)>;
void ask_for_path(HelperPort& port, const std::string& path, PathReply reply);

// Eight bytes of the memory of a thread.
using WordReply = std::function<void(std::optional<std::uint64_t> word)>;
void ask_for_word(HelperPort& port, std::int32_t thread, std::uint64_t address, Uid by,
                  WordReply reply);

// `group`: the path of the container's control group.
using ContainerReply = std::function<void(std::optional<KnownContainer> container)>;
void ask_for_container(HelperPort& port, const std::string& group, Uid by, ContainerReply reply);

// What a container calls a user of this machine. `container`: the path of its control group.
void ask_for_container_user(HelperPort& port, const std::string& container, Uid user,
                            NameReply reply);

}  // namespace guard
