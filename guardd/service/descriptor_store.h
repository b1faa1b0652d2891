// Who can keep descriptors while no guardd runs. Each is known by its name: "guardd.7.guard_unlink"
// belongs to the seventh set that was ever handed over. Decides nothing. One thread: the daemon's
// loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

struct StoredDescriptor {
  std::string name;
  Fd fd;  // empty: it could not be taken
};

enum class Room : std::uint8_t { kNo, kUnknown, kYes };

class DescriptorStore {
 public:
  DescriptorStore() = default;
  DescriptorStore(const DescriptorStore&) = delete;
  DescriptorStore& operator=(const DescriptorStore&) = delete;
  virtual ~DescriptorStore() = default;

  // For so many together with those that it has.
  virtual Room room_for(std::size_t count) const = 0;
  // All that it has of guardd's, whatever that is. To be asked once.
  virtual std::vector<StoredDescriptor> found() = 0;
  virtual Status add(const std::string& name, int fd) = 0;
  virtual void remove(const std::string& name) = 0;
  // Whether it lets go by itself when guardd is stopped for good, and keeps all when it is only
  // started again.
  virtual bool knows_the_end() const { return false; }
};

// The file descriptor store of systemd: emptied when the unit stops for good, handed back when it
// starts again.
class SystemdStore : public DescriptorStore {
 public:
  Room room_for(std::size_t count) const override;
  std::vector<StoredDescriptor> found() override;
  Status add(const std::string& name, int fd) override;
  void remove(const std::string& name) override;
  bool knows_the_end() const override { return true; }
};

// A directory on a BPF file system, in which each set has one of its own. Keeps links only.
class BpffsStore : public DescriptorStore {
 public:
  explicit BpffsStore(std::string path) : path_(std::move(path)) {}

  Room room_for(std::size_t count) const override;
  std::vector<StoredDescriptor> found() override;
  Status add(const std::string& name, int fd) override;
  void remove(const std::string& name) override;

 private:
  Status check() const;

  std::string path_;  // empty: there is none
};

struct DescriptorName {
  std::uint64_t set = 0;
  std::string_view name;
  friend bool operator==(const DescriptorName&, const DescriptorName&) = default;
};
std::string kept_name(const DescriptorName& parts);
// None if it is no name of ours.
std::optional<DescriptorName> read_kept_name(std::string_view text);

}  // namespace guard
