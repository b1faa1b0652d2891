#include "guardd/service/handover.h"

#include <poll.h>
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
  return Error("not a fanotify group");
}

Status check(const StoredDescriptor& kept) {
  const auto parts = parse_descriptor_name(kept.name);
  if (!parts) return Error("not a descriptor of guardd");
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
    for (auto& kept : store->take_all()) {
      if (const auto checked = check(kept); taken && !checked) {
        taken =
            Error("the programs of the previous guardd process were dropped: " + quote(kept.name) +
                  " is " + checked.error().text());
      }
      if (const auto parts = parse_descriptor_name(kept.name))
        last_set_ = std::max(last_set_, parts->set);
      old_.push_back({store.get(), std::move(kept.name), std::move(kept.fd), -1});
    }
  }
  if (!taken) drop(old_);
  return taken;
}

DescriptorStore* Handover::store_for(std::size_t count) const {
  for (const auto wanted : {Room::kYes, Room::kUnknown})
    for (const auto& store : stores_)
      if (store->room_for(count) == wanted) return store.get();
  return nullptr;
}

Status Handover::store(std::span<const std::pair<std::string, int>> named) {
  auto unused = std::exchange(old_, {});
  auto before = std::exchange(own_, {});
  std::vector<std::pair<std::string, int>> added;
  for (const auto& [name, fd] : named) {
    const auto same =
        std::find_if(before.begin(), before.end(), [&, own = fd, wanted = name](const Entry& each) {
          return each.own == own && parse_descriptor_name(each.name)->name == wanted;
        });
    if (same == before.end()) {
      added.emplace_back(name, fd);
    } else {
      own_.push_back(std::move(*same));
      before.erase(same);
    }
  }
  std::move(before.begin(), before.end(), std::back_inserter(unused));
  if (added.empty()) {
    drop(unused);
    return {};
  }
  auto* store = store_for(own_.size() + added.size() + unused.size());
  Status done;
  if (!store) {
    done = Error(
        "nothing keeps the LSM programs attached while guardd is down: set "
        "FileDescriptorStoreMax=" +
        std::to_string(2 * named.size()) +
        " in the unit, or pin in the [lsm] section of guardd.toml");
  } else {
    ++last_set_;
    for (const auto& [name, fd] : added) {
      auto full = format_descriptor_name({last_set_, name});
      done = store->add(full, fd);
      own_.push_back({store, std::move(full), Fd(), fd});
      if (!done) break;
    }
  }
  // A part of a set would enforce only a part of the policies.
  if (!done) drop(own_);
  drop(unused);
  return done;
}

// PID 1 answers in milliseconds; this long, something is wrong with it.
bool Handover::is_under_way(SteadyTime now) {
  constexpr auto kLongest = std::chrono::seconds(5);
  if (!barrier_) return holds();
  pollfd end{barrier_.get(), 0, 0};
  if (::poll(&end, 1, 0) == 0 && now - barrier_at_ < kLongest) return true;
  barrier_.reset();
  return holds();
}

void Handover::release() {
  const auto stays = [](const Entry& each) { return each.store->empties_on_stop(); };
  std::erase_if(own_, stays);
  std::erase_if(old_, stays);
  drop(own_);
  drop(old_);
}

// Removes them from the stores first, so that a crash in between does not leave them to the next
// process.
void Handover::drop(std::vector<Entry>& all) {
  const DescriptorStore* of_previous = nullptr;
  for (const auto& each : all) {
    each.store->remove(each.name);
    if (each.fd) of_previous = each.store;
  }
  all.clear();
  if (!of_previous) return;
  barrier_ = of_previous->barrier();
  barrier_at_ = std::chrono::steady_clock::now();
}

}  // namespace guard
