#include "policy/record/record.h"

namespace guard {

SharedActor::SharedActor() {
  static const auto unknown = std::make_shared<const Actor>();
  actor_ = unknown;
}

Actor& SharedActor::edit() {
  const auto own = std::make_shared<Actor>(*actor_);
  actor_ = own;
  return *own;
}

void SharedActor::set_thread(std::optional<std::int32_t> thread) {
  if (actor_->tid != thread) edit().tid = thread;
}

}  // namespace guard
