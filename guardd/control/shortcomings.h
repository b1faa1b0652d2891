// What guardd does less than its policies ask for, each in a sentence for a person. Runs on the
// daemon's loop.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "guardd/enforce/watched_trees.h"
#include "guardd/sources/choose.h"
#include "guardd/who/processes.h"

namespace guard {

class PoliciesInForce;

// The shortcomings that parts of guardd report by themselves.
class Shortcomings {
 public:
  // Replaces the text of this name, which is a literal. Empty: this part works as it should.
  void set(std::string_view name, const std::string& text);
  // The same, from how something went.
  void note(std::string_view name, const Status& done) {
    set(name, done ? "" : done.error().text());
  }
  // Whether one was set or cleared since the last call of all().
  bool have_changed() const { return have_changed_; }
  std::vector<std::string> all();

 private:
  std::map<std::string_view, std::string> texts_;
  bool have_changed_ = false;
};

// Those found by asking each part.
std::vector<std::string> shortcomings_of(const ChosenSource& source, const Processes& processes,
                                         const WatchedTrees& trees,
                                         const PoliciesInForce& policies);

}  // namespace guard
