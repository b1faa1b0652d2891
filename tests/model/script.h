// A script of the model test: who does what, one step a line.
//
//   svc rename stage/a tree/x
//   wait 150
//   root chmod tree/x 600
//   expect tree/y           it becomes the service's
//
// Paths are relative to the directory that holds the tree and its surroundings. "svc" is the owner
// of the policy, "other" another unprivileged user, "server" a root process that acts with the
// service's file system ids, "suid" the service, which runs a set-user-ID program right after the
// act.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace guard::test {

struct Step {
  std::string actor;
  std::vector<std::string> words;  // the operation and its arguments
};

using Script = std::vector<Step>;

Step step_of(std::string_view line);
Script script_of(std::string_view text);  // empty lines are ignored
std::string text_of(const Step& step);
std::string text_of(const Script& script);

}  // namespace guard::test
