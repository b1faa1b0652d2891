// Stores that hold file descriptors across a restart. The name says which set a descriptor belongs
// to: "guardd.7.guard_unlink" is of the seventh set ever stored. Decides nothing. Runs on the
// daemon's loop.
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
  Fd fd;  // empty if it could not be opened
};

enum class Room : std::uint8_t { kNo, kUnknown, kYes };

class DescriptorStore {
 public:
  DescriptorStore() = default;
  DescriptorStore(const DescriptorStore&) = delete;
  DescriptorStore& operator=(const DescriptorStore&) = delete;
  virtual ~DescriptorStore() = default;

  // For this many in total.
  virtual Room room_for(std::size_t count) const = 0;
  // All descriptors in the store, also those that guardd did not put there. Call it once.
  virtual std::vector<StoredDescriptor> take_all() = 0;
  virtual Status add(const std::string& name, int fd) = 0;
  virtual void remove(const std::string& name) = 0;
  // Whether it drops its descriptors when guardd is stopped, but keeps them across a restart.
  virtual bool empties_on_stop() const { return false; }
  // Hangs up once all that was removed before is gone. Empty: it is gone already.
  virtual Fd barrier() const { return {}; }
};

// The file descriptor store of systemd.
class SystemdStore : public DescriptorStore {
 public:
  Room room_for(std::size_t count) const override;
  std::vector<StoredDescriptor> take_all() override;
  Status add(const std::string& name, int fd) override;
  void remove(const std::string& name) override;
  bool empties_on_stop() const override { return true; }
  Fd barrier() const override;
};

// A directory on a BPF file system, with a subdirectory for each set. Stores BPF links only.
class BpffsStore : public DescriptorStore {
 public:
  explicit BpffsStore(std::string path) : path_(std::move(path)) {}

  Room room_for(std::size_t count) const override;
  std::vector<StoredDescriptor> take_all() override;
  Status add(const std::string& name, int fd) override;
  void remove(const std::string& name) override;

 private:
  Status check() const;

  std::string path_;  // empty if no directory is configured
};

struct DescriptorName {
  std::uint64_t set = 0;
  std::string_view name;
  friend bool operator==(const DescriptorName&, const DescriptorName&) = default;
};
std::string format_descriptor_name(const DescriptorName& parts);
// Nothing if the name is not one of guardd's.
std::optional<DescriptorName> parse_descriptor_name(std::string_view text);

}  // namespace guard
