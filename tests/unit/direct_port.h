// Answers what is asked of inquiry helpers at once, in the process of the test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "guardd/helpers/pool.h"
#include "guardd/who/inquiry_helper.h"

namespace guard {

class DirectPort final : public HelperPort {
 public:
  explicit DirectPort(InquiryHelper::Places places = {"/proc", "/etc/passwd", {}})
      : helper_(std::move(places)) {}

  void ask(HelperQuestion question, HelperReply reply) override {
    ++asked;
    if (is_silent_)
      waiting_.emplace_back(std::move(question), std::move(reply));
    else
      answer(question, reply);
  }

  // From now on questions stay open, until they are answered or the time for all of them is over.
  void be_silent() { is_silent_ = true; }
  void answer() {
    for (const auto& [question, reply] : std::exchange(waiting_, {})) answer(question, reply);
  }
  void time_out() {
    for (const auto& [question, reply] : std::exchange(waiting_, {})) reply(Error("too late"));
  }

  int asked = 0;

 private:
  void answer(const HelperQuestion& question, const HelperReply& reply) const {
    helper_.answer({1, question.kind, true, question.contents},
                   [&](std::string contents, bool is_last) {
                     reply(HelperRecord{1, question.kind, is_last, std::move(contents)});
                   });
  }

  InquiryHelper helper_;
  bool is_silent_ = false;
  std::vector<std::pair<HelperQuestion, HelperReply>> waiting_;
};

}  // namespace guard
