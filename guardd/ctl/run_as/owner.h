// The owner that a policy wants, as somebody to be: with his own groups and nothing of whoever
// calls. What was root's is given up for good, and it is made sure that it is gone.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "policy/policy_set.h"

namespace guard::ctl {

struct Owner {
  Uid uid;
  Gid gid;  // what he makes belongs to it
  std::vector<gid_t> groups;
  std::string name;  // empty: a number without an account
  std::string home = "/";
  std::string shell = "/bin/sh";
  mode_t mask = 0;
  std::string remark;  // what differs from what one would think; empty: nothing
};

// Asks NSS. The group is the policy's where the owner belongs to it, else his own: whoever runs a
// program of his, which he can change, must not give him a group that he does not have.
Result<Owner> owner_of(const Policy& policy);

// So that what he makes has the wanted modes, or less; never less for himself.
mode_t mask_for(const Wanted& wanted);

// Makes the calling process his, without a way back. It may still run sudo, as he could.
Status become(const Owner& owner);

// A clean one; of the caller's only what tells of his terminal, language and time. "NAME=value"
std::vector<std::string> environment_of(const Owner& owner);

}  // namespace guard::ctl
