// The containers of Docker or Podman, as its socket lists them. Both speak Docker's API. Only
// reads. The socket of a user answers whatever that user likes: everything here is a claim.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"
#include "policy/lookup.h"

namespace guard::containers {

struct Mount {
  std::string kind;    // "bind", "volume", "tmpfs", …
  std::string volume;  // its name; empty: it is no volume
  std::string source;  // the path on this machine
  std::string target;  // the path in the container
  bool is_writable = true;
};

struct Container {
  std::string id;
  std::string name;
  std::string image;
  std::string user;      // as configured, by the image or the command line; empty: root
  std::int32_t pid = 0;  // of its first process; 0: it is not running
  std::vector<Mount> mounts;
};

struct Socket {
  std::string runtime;  // "docker" or "podman", which is also the name of its command
  std::string path;
  std::optional<Account> user;  // whose containers they are; none: root's
};

// The sockets of root, or those of a user, in their usual places.
std::vector<Socket> usual_sockets(const std::optional<Account>& user,
                                  const std::string& run = "/run");

struct Runtime {
  Socket socket;
  // The user and the group that root in a container is, if Docker remaps users.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> remapped_root;
  std::vector<Container> containers;
  std::size_t unread = 0;  // containers that were too many, or did not answer
};

inline constexpr std::size_t kMostContainers = 512;
inline constexpr std::chrono::milliseconds kAnswerLimit{5000};

// Fails if the runtime does not answer, with ENOENT or ECONNREFUSED if it is not there.
Result<Runtime> read_runtime(const Socket& socket, std::chrono::milliseconds limit = kAnswerLimit);

// A small file of a container, running or not. Empty: it is no regular file, or cannot be read.
std::string file_in(const Socket& socket, const Container& container, const std::string& path,
                    std::chrono::milliseconds limit = kAnswerLimit);

// The contents of the first regular file in a tar archive. Pure.
std::string first_file(std::string_view archive);

}  // namespace guard::containers
