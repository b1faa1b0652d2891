// The work of an inquiry helper: it reads /proc and the user databases, and may wait for them. Runs
// in a process of its own; see main.cc.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "guardd/helpers/role.h"
#include "guardd/who/inquiry.h"

namespace guard {

extern const HelperRole kInquiryRole;

class InquiryHelper {
 public:
  // None: there is no such user or group.
  using NameOf = std::function<std::optional<std::string>(Uid)>;
  using GroupNameOf = std::function<std::optional<std::string>(Gid)>;

  struct Places {
    std::string proc = "/proc";
    std::string accounts = "/etc/passwd";  // looked up first, because it is faster
    NameOf name_of;                        // the user databases
    std::string groups = "/etc/group";     // the same for groups
    GroupNameOf group_name_of{};
    std::string containers{};  // the root of the runtimes' files; empty: the machine's
  };
  explicit InquiryHelper(Places places) : places_(std::move(places)), proc_(places_.proc) {}

  // Answers any question, if only with nothing.
  void answer(const HelperRecord& question, const SendPart& send) const;

 private:
  void list(const SendPart& send) const;
  std::string processes(ContentsReader& in) const;
  std::string hints(ContentsReader& in) const;
  std::string user(ContentsReader& in) const;
  std::string group(ContentsReader& in) const;
  static std::string account(ContentsReader& in);
  static std::string path(ContentsReader& in);
  std::string word(ContentsReader& in) const;
  std::string container(ContentsReader& in) const;
  std::string container_user(ContentsReader& in) const;

  Places places_;
  Proc proc_;
};

// Runs until guardd closes the channel. Returns the exit status.
int serve_inquiries();
Result<HelperProcess> start_inquiry_helper();

}  // namespace guard
