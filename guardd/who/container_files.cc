#include "guardd/who/container_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "guardd/host/json_fields.h"
#include "guardd/host/read_up_to.h"
#include "guardd/who/container.h"
#include "policy/base/handle.h"
#include "policy/base/ids.h"
#include "policy/base/text.h"

namespace guard {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestFile = std::size_t{4} << 20U;
constexpr std::size_t kLongestName = 255;
constexpr std::array<const char*, 4> kStorageDrivers{"overlay", "vfs", "btrfs", "zfs"};

// The text of a regular file of this owner; empty if it is none.
std::string text_of(const std::string& path, Uid owner) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  if (facts.st_uid != owner.value) return {};
  std::string text;
  const bool is_whole = read_up_to(kLongestFile + 1, fd.get(), text) && text.size() <= kLongestFile;
  return is_whole ? text : std::string();
}

Json json_of(const std::string& path, Uid owner) {
  const auto text = text_of(path, owner);
  return text.empty() ? Json() : Json::parse(text, nullptr, false);
}

std::string name_in(const Json& object, const char* key) {
  auto text = json_text(object, key);
  return text.size() <= kLongestName ? text : std::string();
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto each : parts) all += each;
  return all;
}

struct Names {
  std::string name;
  std::string image;
  std::string pod;
  std::string space;  // the namespace of the pod

  bool is_empty() const { return name.empty() && image.empty(); }
};

// ---- Docker

// With userns-remap, Docker keeps its data in a directory named after a user and a group, as in
// "231072.231072".
std::vector<std::string> docker_directories(const std::string& top) {
  std::vector<std::string> all{top};
  const Handle<DIR, ::closedir> listing(::opendir(top.c_str()));
  if (!listing) return all;
  while (const auto* entry = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = &entry->d_name[0];
    const auto dot = name.find('.');
    if (dot != std::string_view::npos && parse_number(name.substr(0, dot)) &&
        parse_number(name.substr(dot + 1)))
      all.push_back(top + "/" + std::string(name));
  }
  return all;
}

Names of_docker(const std::string& root, const std::string& id, Uid owner) {
  auto top = name_in(json_of(root + "/etc/docker/daemon.json", owner), "data-root");
  top = root + (top.empty() ? "/var/lib/docker" : top);
  for (const auto& directory : docker_directories(top)) {
    const auto json = json_of(joined({directory, "/containers/", id, "/config.v2.json"}), owner);
    if (!json.is_object()) continue;
    auto name = name_in(json, "Name");
    if (name.starts_with('/')) name.erase(0, 1);
    return {name, name_in(json_member(json, "Config"), "Image"), {}, {}};
  }
  return {};
}

// ---- Podman and CRI-O, which share their storage

// A list of all containers. What it says of the image is JSON in JSON.
Names in_list(const Json& list, const std::string& id) {
  if (!list.is_array()) return {};
  for (const auto& each : list) {
    if (name_in(each, "id") != id) continue;
    Names names;
    const auto& all = json_member(each, "names");
    if (all.is_array() && !all.empty() && all.front().is_string())
      names.name = all.front().get<std::string>();
    const auto& more = json_member(each, "metadata");
    if (!more.is_string()) return names;
    const auto metadata = Json::parse(more.get<std::string>(), nullptr, false);
    names.image = name_in(metadata, "image-name");
    if (const auto plain = name_in(metadata, "name"); !plain.empty()) names.name = plain;
    return names;
  }
  return {};
}

Names in_storage(const std::string& storage, const std::string& run, const std::string& id,
                 Uid owner) {
  for (const auto* driver : kStorageDrivers) {
    const auto directory = "/" + std::string(driver) + "-containers/";
    for (const auto& path :
         {storage + directory + "containers.json", storage + directory + "volatile-containers.json",
          run + directory + "volatile-containers.json"})
      if (auto names = in_list(json_of(path, owner), id); !names.is_empty()) return names;
  }
  return {};
}

// ---- Kubernetes: what the runtime knows of a container and its pod

Names in_annotations(const Json& config) {
  const auto& notes = json_member(config, "annotations");
  Names names;
  const auto first = [&](std::initializer_list<const char*> keys) {
    for (const auto* key : keys)
      if (auto value = name_in(notes, key); !value.empty()) return value;
    return std::string();
  };
  names.name =
      first({"io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"});
  names.image = first({"io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName",
                       "io.kubernetes.cri-o.Image"});
  const auto pod = first({"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"});
  names.space = first({"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"});
  if (!pod.empty()) names.pod = names.space.empty() ? pod : names.space + "/" + pod;
  return names;
}

Names of_kubernetes(const std::string& root, const std::string& id, Uid owner) {
  const auto of_containerd = [&](const char* space) {
    return joined(
        {root, "/run/containerd/io.containerd.runtime.v2.task/", space, id, "/config.json"});
  };
  const auto of_crio = [&](const char* storage) {
    return joined({root, storage, "/overlay-containers/", id, "/userdata/config.json"});
  };
  for (const auto& path :
       {of_containerd("k8s.io/"), of_containerd("default/"), of_crio("/run/containers/storage"),
        of_crio("/var/lib/containers/storage")})
    if (auto names = in_annotations(json_of(path, owner)); !names.is_empty()) return names;
  return {};
}

// ---- control groups

std::uint64_t id_of(const std::string& directory) {
  struct stat facts {};
  return ::stat(directory.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) ? facts.st_ino : 0;
}

// Whether only root can have made this group: a user can make groups only in one that systemd or a
// runtime gave to the user.
bool is_made_by(Uid owner, const std::string& top, std::string_view group) {
  for (auto above = group.substr(0, group.rfind('/'));; above = above.substr(0, above.rfind('/'))) {
    struct stat facts {};
    if (::stat((top + std::string(above)).c_str(), &facts) != 0) return false;
    if (facts.st_uid != owner.value || (facts.st_mode & 022) != 0) return false;
    if (above.empty()) return true;
  }
}

// The sixth field of the user's line in /etc/passwd; empty: there is none.
std::string home_in(std::string_view accounts, Uid user) {
  while (!accounts.empty()) {
    auto line = accounts.substr(0, accounts.find('\n'));
    accounts.remove_prefix(std::min(line.size() + 1, accounts.size()));
    std::array<std::string_view, 6> fields;
    for (auto& field : fields) {
      field = line.substr(0, line.find(':'));
      line.remove_prefix(std::min(field.size() + 1, line.size()));
    }
    if (parse_number(fields[2]) == user.value) return std::string(fields[5]);
  }
  return {};
}

}  // namespace

std::string cgroup_hierarchy(const std::string& root) {
  const auto unified = root + "/sys/fs/cgroup/unified";
  return ::access((unified + "/cgroup.procs").c_str(), F_OK) == 0 ? unified
                                                                  : root + "/sys/fs/cgroup";
}

std::optional<KnownContainer> ContainerFiles::find(std::string_view group) const {
  const auto container = container_of(group);
  if (!container || container_group(group) != group) return std::nullopt;
  const auto& [id, runtime] = *container;
  Names names;
  const auto user = user_of_group(group);
  const bool has_name = runtime == "systemd-nspawn" || runtime == "lxc";
  if (has_name) {
    names.name = id;
  } else if (user) {
    const auto home = home_in(text_of(root_ + "/etc/passwd", owner_), *user);
    const auto share = root_ + home + "/.local/share/containers/storage";
    const auto run = root_ + "/run/user/" + std::to_string(user->value) + "/containers";
    if (!home.empty()) names = in_storage(share, run, id, *user);
  } else {
    if (runtime == "docker" || runtime.empty()) names = of_docker(root_, id, owner_);
    if (names.is_empty()) names = of_kubernetes(root_, id, owner_);
    if (names.is_empty())
      names = in_storage(root_ + "/var/lib/containers/storage", root_ + "/run/containers/storage",
                         id, owner_);
  }
  const auto top = cgroup_hierarchy(root_);
  const auto path = std::string(group);
  const auto above = group.substr(0, group.rfind('/'));
  const bool is_of_root = !user && !container_of(above) && is_made_by(owner_, top, group);
  auto allow_name =
      names.pod.empty() || names.name.empty() ? names.name : names.space + "/" + names.name;
  return KnownContainer{std::move(names.name),
                        std::move(names.image),
                        std::move(names.pod),
                        std::move(allow_name),
                        is_of_root,
                        id_of(top + path)};
}

}  // namespace guard
