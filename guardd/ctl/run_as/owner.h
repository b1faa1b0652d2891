// Turns the calling process into the owner that a policy wants, with the groups of the owner and
// nothing of the caller. Root privileges are dropped for good, and that is verified.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "policy/policy_set.h"

namespace guard::ctl {

struct Owner {
  Uid uid;
  Gid gid;  // the group of new files
  std::vector<gid_t> groups;
  std::string name;  // empty: a uid without an account
  std::string home = "/";
  std::string shell = "/bin/sh";
  mode_t mask = 0;
  std::string remark;  // a warning for the caller, or empty
};

// Asks NSS. The group is that of the policy if the owner is a member of it, or else the owner's
// own: the owner could change the program, and must not gain a group from the caller.
Result<Owner> owner_of(const Policy& policy);

// The umask for new files to have at most the wanted modes. It never masks bits of the owner.
mode_t mask_for(const WantedState& wanted);

// Makes the calling process the owner's, without a way back. It can still run sudo, as the owner
// can.
Status become(const Owner& owner);

// A clean environment of "NAME=value". From the caller it has only terminal, language and time
// zone.
std::vector<std::string> environment_of(const Owner& owner);

}  // namespace guard::ctl
