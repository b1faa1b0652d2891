#include "tests/model/generator.h"

namespace guard::test {

// Beginnings of attacks that once worked. Steps at random would find them, much later.
void Generator::add_attack() {
  const auto who = adversary();
  const auto target = new_name("tree");
  const auto last = [&] {
    add(one_of({"root chmod " + target + " 600", "root own " + target, "root touch " + target,
                "root rename " + target + " " + new_name("tree")}));
  };
  switch (below(7)) {
    case 0:
      add(who + " rename " + secret() + " " + target);
      if (chance(50)) add("wait 150");
      return last();
    case 1: {
      const auto holder = directory("tree");
      const auto moved = new_name("tree");
      const auto leaf = one_of({"n", "m", "x"});
      add("svc rename " + secret() + " " + holder + "/" + leaf);
      add("svc rename " + holder + " " + moved);
      add("svc mkdir " + holder);
      add("svc create " + holder + "/" + leaf);
      add("wait 150");
      return add("root rename " + moved + "/" + leaf + " " + moved + "/y");
    }
    case 2: {
      const auto outside = new_name("stage");
      add("svc create " + target + " 600");
      if (chance(50)) add("wait 150");
      const bool is_link = chance(50);
      add("svc " + std::string(is_link ? "link " : "rename ") + target + " " + outside);
      add("root adopt " + outside);
      add(who + (is_link ? " unlink " + outside : " rename " + outside + " " + target));
      return last();
    }
    case 3:
      add("guardd stop");
      add(who + " rename " + secret() + " " + target);
      if (chance(30)) add("svc burst " + directory("tree") + " 17000");
      last();
      return add("guardd cont");
    case 4:
      add("guardd kill");
      add(who + " rename " + secret() + " " + target);
      if (chance(50)) last();
      add("guardd start");
      return last();
    case 5:
      add("root " + one_of({"create " + target + " 600", "create " + target + " 644",
                            "mkdir " + target, "symlink own " + target, "own " + target}));
      return add(who + " exchange " + secret() + " " + target);
    default:
      add("root link " + secret() + " " + target);
      add(who + " unlink " + secret());
      return last();
  }
}

}  // namespace guard::test
