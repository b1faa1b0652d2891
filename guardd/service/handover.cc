#include "guardd/service/handover.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "bpf/kept_link.h"
#include "policy/base/text.h"

namespace guard {
namespace {

Status check_pins(int fd) {
  std::array<char, 64> target{};
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  const std::string_view name(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  if (name == "anon_inode:[fanotify]") return {};
  return Error("no fanotify group");
}

Status check(const StoredDescriptor& kept) {
  const auto parts = read_kept_name(kept.name);
  if (!parts) return Error("nothing of guardd's");
  return parts->name == Handover::kPins ? check_pins(kept.fd.get())
                                        : check_kept_link(kept.fd.get());
}

}  // namespace

Handover::Handover(std::vector<std::unique_ptr<DescriptorStore>> stores)
    : stores_(std::move(stores)) {}

Handover Handover::of_this_machine(const std::string& pin_directory) {
  std::vector<std::unique_ptr<DescriptorStore>> stores;
  stores.push_back(std::make_unique<SystemdStore>());
  stores.push_back(std::make_unique<BpffsStore>(pin_directory));
  return Handover(std::move(stores));
}

Status Handover::take() {
  Status taken;
  for (const auto& store : stores_) {
    for (auto& kept : store->found()) {
      if (const auto checked = check(kept); taken && !checked) {
        taken = Error("what guardd left to go on judging is not used: " + quote(kept.name) +
                      " is " + checked.error().text());
      }
      if (const auto parts = read_kept_name(kept.name)) last_set_ = std::max(last_set_, parts->set);
      held_.push_back({store.get(), std::move(kept.name), std::move(kept.fd), -1});
    }
  }
  if (!taken) let_go(held_);
  return taken;
}

DescriptorStore* Handover::store_for(std::size_t count) const {
  for (const auto wanted : {Room::kYes, Room::kUnknown})
    for (const auto& store : stores_)
      if (store->room_for(count) == wanted) return store.get();
  return nullptr;
}

Status Handover::keep(std::span<const std::pair<std::string, int>> named) {
  auto old = std::exchange(held_, {});
  auto before = std::exchange(given_, {});
  std::vector<std::pair<std::string, int>> added;
  for (const auto& [name, fd] : named) {
    const auto same =
        std::find_if(before.begin(), before.end(), [&, own = fd, wanted = name](const Held& each) {
          return each.own == own && read_kept_name(each.name)->name == wanted;
        });
    if (same == before.end()) {
      added.emplace_back(name, fd);
    } else {
      given_.push_back(std::move(*same));
      before.erase(same);
    }
  }
  std::move(before.begin(), before.end(), std::back_inserter(old));
  if (added.empty()) {
    let_go(old);
    return {};
  }
  auto* store = store_for(given_.size() + added.size() + old.size());
  Status done;
  if (!store) {
    done =
        Error("nobody keeps what judges if guardd ends: PID 1 does with FileDescriptorStoreMax=" +
              std::to_string(2 * named.size()) + ", or a BPF file system with [lsm] pin");
  } else {
    ++last_set_;
    for (const auto& [name, fd] : added) {
      auto full = kept_name({last_set_, name});
      done = store->add(full, fd);
      given_.push_back({store, std::move(full), Fd(), fd});
      if (!done) break;
    }
  }
  // A part of a set would judge in part.
  if (!done) let_go(given_);
  let_go(old);
  return done;
}

void Handover::release() {
  const auto stays = [](const Held& each) { return each.store->knows_the_end(); };
  std::erase_if(given_, stays);
  std::erase_if(held_, stays);
  let_go(given_);
  let_go(held_);
}

// First where they are kept, or a crash in between would leave them to the next process.
void Handover::let_go(std::vector<Held>& all) {
  for (const auto& each : all) each.store->remove(each.name);
  all.clear();
}

}  // namespace guard
