// Who knows how an inode came to where it is: the sources, each in its own way. Any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "guardd/evidence/evidence.h"
#include "guardd/files/file_id.h"
#include "policy/base/ids.h"

namespace guard {

// An open object, and the directory in which it was opened.
struct WitnessQuestion {
  int object = -1;  // a descriptor
  const FileId& id;
  const FileId& directory;  // of a tree's root: its own
  OwnerIds wanted;          // the owner and group that the policy wants here
};

class Witness {
 public:
  Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  virtual ~Witness() = default;

  // Evidence that rests on what happened to the inode. It counts everything that happened before
  // this call, and may wait a moment for that.
  virtual std::optional<Evidence> evidence_for(const WitnessQuestion& question) = 0;
  // The same for many, which can take as long as for one.
  virtual std::vector<std::optional<Evidence>> evidence_for_all(
      std::span<const WitnessQuestion> questions) {
    std::vector<std::optional<Evidence>> all;
    for (const auto& each : questions) all.push_back(evidence_for(each));
    return all;
  }
  // Nobody handles events any longer: from here on there is no evidence, and no wait for it.
  virtual void stop() {}
  // Whether it looks at the object itself. If not, the descriptor need not be one.
  virtual bool wants_object() const { return false; }
  // Whether remember() is of use.
  virtual bool has_memory() const { return false; }
  // These objects in this directory have the right owner and group, and their modes hide them from
  // others.
  virtual void remember(const FileId& /*directory*/, std::span<const FileId> /*objects*/,
                        OwnerIds /*owner*/) {}
};

}  // namespace guard
