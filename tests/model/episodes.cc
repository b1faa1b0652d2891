#include "tests/model/episodes.h"

namespace guard::test {
namespace {

World::Options with(void (*change)(World::Options&)) {
  World::Options options;
  change(options);
  return options;
}

const auto kForeignGroupWanted = with([](auto& options) { options.guardd.group = "5555"; });
const auto kWithoutTracer = with([](auto& options) { options.guardd.has_tracer = false; });
const auto kHardLinksAllowed = with([](auto& options) { options.protects_hard_links = false; });
const auto kFixAtOpen = with([](auto& options) {
  options.guardd.fix_at = "open";
  options.protects_hard_links = false;
});

}  // namespace

const std::vector<Episode>& episodes() {
  static const std::vector<Episode> all{
      {"Accidents", R"(
svc create tree/private 600
wait 150
root own tree/private
expect tree/private
root own tree/d
expect tree/d
root create tree/d/n 600
expect tree/d/n
root clone tree/repository
expect tree/repository
expect tree/repository/objects/pack
root tmpfile tree/t 644
expect tree/t
root symlink own tree/l
expect tree/l
other create stage/n 644
root rename stage/n tree/n
expect tree/n
)"},
      {"FilesMovedInByRoot",
       R"(
root rename stage/a tree/x
expect tree/x
)",
       {},
       "lsm"},
      {"AccidentsWhileGuarddIsDown", R"(
guardd kill
root clone tree/c
root create tree/n 644
guardd start
expect tree/n
expect tree/c/config
)"},
      {"ContentsOfAPrivateDirectory",
       R"(
root mkdir tree/p
root chmod tree/p 700
root mkdir tree/p/q
root create tree/p/q/n 644
root create tree/p/n 644
expect tree/p
expect tree/p/n
expect tree/p/q/n
)",
       kHardLinksAllowed},
      {"MovedInByTheOwner", R"(
svc rename stage/a tree/x
wait 150
root chmod tree/x 600
root own tree/x
root rename tree/x tree/y
)"},
      {"MovedInByAnother", R"(
svc chmod tree 777
other rename stage/a tree/x
)"},
      {"KeyRenamedByTheOwner", R"(
svc rename tree/conf/tls.key tree/conf/tls.txt
wait 150
root chmod tree/conf/tls.txt 600
)"},
      {"KeyRenamedByAnother", R"(
svc chmod tree/conf 777
other rename tree/conf/tls.key tree/conf/tls.txt
)"},
      {"FilesOfRootThatTheGroupMayRead", R"(
root create tree/conf/n.group 640
expect tree/conf/n.group
wait 150
root own tree/conf/n.group
expect tree/conf/n.group
guardd kill
guardd start
wait 2500
root own tree/conf/n.group
expect tree/conf/n.group
)"},
      {"GivenTheGroupByTheOwner", R"(
svc rename stage/k.pem tree/conf/x.group
wait 300
root touch tree/conf/x.group
root own tree/conf/x.group
)"},
      {"GivenTheGroupByAnother", R"(
svc chmod tree/conf 777
other rename stage/k.pem tree/conf/x.group
wait 300
svc rename tree/conf tree/moved
root touch tree/moved/x.group
)"},
      {"NewKeyRenamedAtOnce", R"(
root create tree/conf/new.key 600
svc rename tree/conf/new.key tree/conf/new.txt
wait 300
root touch tree/conf/new.txt
)"},
      {"FileInAnotherDirectoryOfTheSameName", R"(
svc rename stage/a tree/d/a.log
svc rename tree/d tree/f
svc mkdir tree/d
svc create tree/d/a.log
wait 400
root rename tree/f/a.log tree/f/a.log.1
)"},
      {"OwnFileAtTheNameOfOneMovedIn", R"(
guardd stop
svc rename stage/a tree/d/x
svc rename tree/d/x tree/d/y
svc create tree/d/x 600
guardd cont
wait 400
root chmod tree/d/y 600
)"},
      {"DirectoryInPlaceOfANewOne", R"(
svc spin tree/new tree/x tree/secrets 2000
wait 20
root mkdir tree/new
wait 300
)"},
      {"ClosedDirectoryInPlaceOfANewOne", R"(
svc spin tree/new tree/x tree/closed 2000
wait 20
root mkdir tree/new
wait 300
)"},
      {"FileInPlaceOfANewOne", R"(
svc spin tree/new tree/x stage/a 2000
wait 20
root create tree/new 644
wait 300
)"},
      {"ExcludedDirectoryRenamed", R"(
root create tree/secrets/k 600
svc rename tree/secrets tree/s
svc rename tree/closed tree/c
wait 300
root touch tree/s/k
root touch tree/s/ca.pem
root touch tree/s
root touch tree/c
)"},
      {"ForeignGroupAndAForcedScan", R"(
svc rename stage/g.pem tree/g.pem
svc mkdir stage/big
svc many stage/big 20000
svc rename stage/big tree/d/big
svc burst tree/d 40000
wait 2500
)",
       kForeignGroupWanted},
      {"ForeignGroup", R"(
svc rename stage/g.pem tree/g.pem
wait 150
root touch tree/g.pem
)",
       kForeignGroupWanted},
      {"LostEvents", R"(
guardd stop
svc rename stage/a tree/x
svc burst tree/d 17000
root create tree/n 644
guardd cont
expect tree/n
wait 1500
root chmod tree/x 600
)"},
      {"MovedInWhileGuarddIsDown", R"(
guardd kill
svc rename stage/a tree/x
svc chmod stage/d 777
other rename stage/b stage/d/b
svc rename stage/d tree/d/d
guardd start
wait 300
root chmod tree/x 600
)"},
      {"FileServer", R"(
server rename stage/a tree/x
)"},
      {"SetUserIdProgram", R"(
suid rename stage/a tree/x
)"},
      {"SetUserIdProgramWithoutTracer", R"(
suid rename stage/a tree/x
)",
       kWithoutTracer},
      {"SetUserIdProgramWhileGuarddIsBusy", R"(
guardd stop
suid rename stage/a tree/x
guardd cont
)"},
      {"ExchangedWithAnAccident", R"(
svc create tree/x
root own tree/x
svc exchange stage/a tree/x
wait 300
root create tree/n 600
svc exchange stage/b tree/n
)"},
      {"ExchangedWhileGuarddIsBusy", R"(
guardd stop
root create tree/n 600
root create tree/m 644
root symlink d tree/l
root mkdir tree/h
svc exchange stage/b tree/n
svc exchange stage/a tree/m
svc rename stage/c tree/l
svc rename tree/h tree/h2
svc rename tree/secrets tree/h
guardd cont
)"},
      {"OwnFileTakenOutsideAndBroughtBack", R"(
svc create tree/m 600
wait 150
svc rename tree/m stage/m
root adopt stage/m
svc rename stage/m tree/m
wait 300
root touch tree/m
)"},
      {"OwnFileTakenInADirectoryOutside", R"(
svc create tree/e/m 600
wait 150
svc rename tree/e stage/e
root adopt stage/e/m
svc rename stage/e tree/e
wait 300
root touch tree/e/m
)"},
      {"OwnFileTakenWhileEventsAreLost", R"(
svc create tree/m 600
wait 150
guardd stop
svc burst tree/d 17000
svc rename tree/m stage/m
root adopt stage/m
svc rename stage/m tree/m
guardd cont
wait 1500
root chmod tree/m 600
)"},
      {"OwnFileTakenOutsideAndBroughtBackByAnother", R"(
svc chmod tree 777
svc create tree/m 600
wait 150
svc rename tree/m stage/m
root adopt stage/m
other rename stage/m tree/m
)"},
      // The owner could hold the inode open, so fanotify takes root's touch for a change in the
      // tree.
      {"OwnFileTakenAtItsLinkOutside",
       R"(
svc create tree/m 600
svc link tree/m stage/m
wait 150
root adopt stage/m
svc unlink stage/m
wait 300
root chmod tree/m 600
)",
       {},
       "lsm"},
      {"OwnFileTakenAtItsLinkOutsideWhileGuarddIsBusy",
       R"(
svc create tree/m 600
svc link tree/m stage/m
wait 150
guardd stop
root adopt stage/m
other unlink stage/m
root touch tree/m
guardd cont
)",
       {},
       "lsm"},
      {"LinkedInAndUnlinkedOutside", R"(
svc link stage/a tree/x
other unlink stage/a
wait 300
root chmod tree/x 600
)",
       kHardLinksAllowed},
      {"LinkedInAndUnlinkedOutsideWhileGuarddIsBusy", R"(
guardd stop
root create stage/n 600
svc link stage/n tree/n
other unlink stage/n
guardd cont
)",
       kHardLinksAllowed},
      {"LinkedInByRootAndUnlinkedOutside", R"(
wait 2500
root link stage/a tree/x
svc unlink stage/a
wait 300
root chmod tree/x 600
)"},
      {"SwappedForALinkOutside", R"(
svc symlink ../vault tree/e/way
svc swap tree/d tree/e/way 1500
root fill tree/d/gold 300
wait 300
)"},
      {"RelinkedNames", R"(
svc relink vault/gold tree/f.0 1500
other relink vault/public tree/f.1 1500
svc chmod tree 777
root fill tree/f 2
root fill tree/f 2
root fill tree/g 300
wait 300
)",
       kHardLinksAllowed},
      {"FlagsChangedDuringTheOpen", R"(
svc link vault/public tree/p
other flip tree/p 1500
wait 1600
)",
       kFixAtOpen},
  };
  return all;
}

}  // namespace guard::test
