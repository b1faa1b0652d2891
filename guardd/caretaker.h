// From what was noticed to what is put right and told. Decides whose doing a notice is and whether
// that is evidence, lets it settle, and mends what is wrong then. Never reads policies' files,
// never prints: a violation goes to whoever was named. One thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "guardd/object.h"
#include "guardd/provenance.h"
#include "guardd/settle.h"
#include "guardd/sources/notice.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"
#include "policy/record.h"

namespace guard {

class Caretaker final : public NoticeReader {
 public:
  struct Ports {
    std::function<void(Violation)> report;
    std::function<void(std::uint32_t tree, const std::string& why)>
        scan;  // this tree has to be looked through
  };

  Caretaker(Processes& processes, NoticeSource& notices, Ports ports)
      : processes_(processes),
        notices_(notices),
        settle_(notices.directories()),
        ports_(std::move(ports)) {}

  // From here on this set counts. Trees are numbered as in it.
  void enforce(std::shared_ptr<const PolicySet> set) { set_ = std::move(set); }
  void forget_tree(std::uint32_t tree) { settle_.forget_tree(tree); }

  // What a scan found, with nobody to tell who did it.
  void found_wrong(std::uint32_t tree, const std::string& relative_path,
                   const RemedyOutcome& outcome);

  // Deals with what has come to rest, a bounded number at a time. True if there is more.
  bool work(SteadyTime now);
  std::optional<SteadyTime> next() const { return settle_.next(); }

  void noticed(const Notice& notice) noexcept override;
  void lost_notices() noexcept override;
  void lost_sight(std::uint32_t tree, const std::string& why) noexcept override;
  bool owner_can_write(std::uint32_t tree, const ObjectState& directory) noexcept override;

 private:
  struct Roots;

  const Policy& policy_of(std::uint32_t tree) const { return set_->policy_of(set_->trees()[tree]); }
  void by_owner(const Notice& notice);
  bool is_foreign(const Notice& notice) const;
  void by_another(const Notice& notice, const Policy& policy, std::shared_ptr<const Found> who);
  void settle_one(Due due, Roots& roots, SteadyTime now);
  void look_at(const Due& due, const Object& root);
  bool is_still_at_it(const Due& due, SteadyTime now) const;
  void tell(std::uint32_t tree, const std::string& relative_path, const Seen& seen,
            const RemedyOutcome& outcome);

  Processes& processes_;
  NoticeSource& notices_;
  std::shared_ptr<const PolicySet> set_;
  Settle settle_;
  Suspects suspects_;
  Brake brake_;
  Ports ports_;
};

}  // namespace guard
