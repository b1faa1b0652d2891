#include "guardd/ctl/containers/runtime.h"

#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "guardd/ctl/containers/http.h"
#include "guardd/host/json_fields.h"
#include "policy/base/text.h"

namespace guard::containers {
namespace {

using Json = nlohmann::json;

Result<Json> get_json(const Socket& socket, const std::string& target,
                      std::chrono::milliseconds limit) {
  GUARD_TRY(auto answer, get(socket.path, target, limit));
  if (answer.status != 200)
    return Error(
        quote(socket.path) + " answers " + std::to_string(answer.status) + " to " + quote(target),
        EPROTO);
  auto json = Json::parse(answer.body, nullptr, false);
  if (json.is_discarded()) return Error(quote(socket.path) + " does not answer in JSON", EPROTO);
  return json;
}

Mount mount_of(const Json& json) {
  Mount mount;
  mount.kind = json_text(json, "Type");
  mount.volume = json_text(json, "Name");
  mount.source = json_text(json, "Source");
  mount.target = json_text(json, "Destination");
  const auto& writable = json_member(json, "RW");
  mount.is_writable = !writable.is_boolean() || writable.get<bool>();
  return mount;
}

Container container_of(const Json& json) {
  Container container;
  container.id = json_text(json, "Id");
  container.name = json_text(json, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  const auto& config = json_member(json, "Config");
  container.image = json_text(config, "Image");
  if (container.image.empty()) container.image = json_text(json, "ImageName");
  container.user = json_text(config, "User");
  const auto& state = json_member(json, "State");
  const auto& pid = json_member(state, "Pid");
  if (pid.is_number_integer()) {
    const auto number = pid.get<std::int64_t>();
    container.pid = number > 0 && number <= INT32_MAX ? static_cast<std::int32_t>(number) : 0;
  }
  const auto& mounts = json_member(json, "Mounts");
  if (mounts.is_array())
    for (const auto& each : mounts) container.mounts.push_back(mount_of(each));
  return container;
}

bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= 64 &&
         id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// With userns-remap, Docker keeps its data in a directory that is named after the user and the
// group that root is mapped to: "/var/lib/docker/231072.231072".
std::optional<std::pair<std::uint32_t, std::uint32_t>> remapped_root(const Json& info) {
  const auto& options = json_member(info, "SecurityOptions");
  const bool is_remapped =
      options.is_array() && std::any_of(options.begin(), options.end(), [](const Json& option) {
        return option.is_string() && option.get<std::string>().starts_with("name=userns");
      });
  if (!is_remapped) return std::nullopt;
  const auto directory = json_text(info, "DockerRootDir");
  const auto name = directory.substr(directory.rfind('/') + 1);
  const auto dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto uid = parse_number(std::string_view(name).substr(0, dot));
  const auto gid = parse_number(std::string_view(name).substr(dot + 1));
  return uid && gid ? std::optional(std::pair(*uid, *gid)) : std::nullopt;
}

}  // namespace

std::vector<Socket> usual_sockets(const std::optional<Account>& user, const std::string& run) {
  const auto of_user = user ? run + "/user/" + std::to_string(user->uid.value) : run;
  return {{"docker", of_user + "/docker.sock", user},
          {"podman", of_user + "/podman/podman.sock", user}};
}

Result<Runtime> read_runtime(const Socket& socket, std::chrono::milliseconds limit) {
  Runtime runtime;
  runtime.socket = socket;
  GUARD_TRY(const auto list, get_json(socket, "/containers/json?all=1", limit));
  if (!list.is_array()) return Error(quote(socket.path) + " lists no containers", EPROTO);
  if (const auto info = get_json(socket, "/info", limit))
    runtime.remapped_root = remapped_root(*info);
  const auto end = std::chrono::steady_clock::now() + 4 * limit;
  for (const auto& each : list) {
    const auto id = json_text(each, "Id");
    if (!is_id(id) || runtime.containers.size() == kMostContainers ||
        std::chrono::steady_clock::now() >= end) {
      ++runtime.unread;
      continue;
    }
    const auto json = get_json(socket, "/containers/" + id + "/json", limit);
    if (json)
      runtime.containers.push_back(container_of(*json));
    else
      ++runtime.unread;  // it was removed meanwhile
  }
  return runtime;
}

std::string first_file(std::string_view archive) {
  constexpr std::size_t kBlock = 512;
  constexpr std::size_t kSizeAt = 124;
  constexpr std::size_t kSizeDigits = 11;
  constexpr std::size_t kTypeAt = 156;
  while (archive.size() >= kBlock && archive.front() != '\0') {
    const auto size = parse_number<std::uint64_t>(archive.substr(kSizeAt, kSizeDigits), 8);
    const char type = archive[kTypeAt];
    archive.remove_prefix(kBlock);
    if (!size || *size > archive.size()) return {};
    if (type == '0' || type == '\0') return std::string(archive.substr(0, *size));
    archive.remove_prefix(std::min((*size + kBlock - 1) / kBlock * kBlock, archive.size()));
  }
  return {};
}

std::string file_in(const Socket& socket, const Container& container, const std::string& path,
                    std::chrono::milliseconds limit) {
  if (!is_id(container.id)) return {};
  const auto answer =
      get(socket.path, "/containers/" + container.id + "/archive?path=" + path, limit);
  return answer && answer->status == 200 ? first_file(answer->body) : std::string();
}

}  // namespace guard::containers
