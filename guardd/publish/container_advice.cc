#include "guardd/publish/container_advice.h"

#include "guardd/who/container.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kShortId = 12;
// Above, numbers are those of user namespaces: the container has others for them.
constexpr std::uint32_t kFirstMapped = 65'536;

bool is_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

// "-u www-data ", as the container itself calls the owner if that is known. A mapped number is
// unknown in the container, whose own user is likely the owner.
std::string user_option(const Violation& violation) {
  const auto& there = violation.owner_in_container;
  const auto& name = there.empty() ? violation.owner_wanted : there;
  if (is_plain_word(name) && !is_number(name)) return "-u " + name + ' ';
  if (violation.uid_wanted.value >= kFirstMapped) return {};
  return "-u " + std::to_string(violation.uid_wanted.value) + ' ';
}

std::string container_called(const Actor& actor) {
  if (actor.container_name && is_plain_word(*actor.container_name)) return *actor.container_name;
  return actor.container->substr(0, kShortId);
}

}  // namespace

bool can_enter_container(const Actor& actor) {
  const bool has_exec = actor.container_runtime == "docker" || actor.container_runtime == "podman";
  const bool is_of_user = actor.cgroup && user_of_group(*actor.cgroup);
  return has_exec && !is_of_user && is_plain_word(container_called(actor));
}

std::string container_prefix(const Violation& violation, const std::string& directory,
                             const char* options) {
  const auto& actor = *violation.actor;
  return *actor.container_runtime + " exec " + options +
         (directory.empty() ? "" : "-w " + shell_word(directory) + ' ') + user_option(violation) +
         container_called(actor) + ' ';
}

}  // namespace guard
