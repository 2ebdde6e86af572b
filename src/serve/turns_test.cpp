#include "serve/turns.h"

#include <gtest/gtest.h>

#include <vector>

namespace transept::serve {
namespace {

struct Work {
  Scope scope;
  Signal done;
  bool began = false;
  bool failed = false;
};

Task<void> run(Turns& turns, Work& work) {
  const std::shared_ptr<void> turn = co_await turns.take(work.scope);
  work.began = true;
  co_await work.done.wait();
}

TEST(Turns, SoManyAtATimeAndNobodyIsForgotten) {
  Turns turns(2);
  std::vector<Work> works(5);
  for (Work& work : works)
    spawn(run(turns, work),
          [&work](const std::exception_ptr& error) { work.failed = error != nullptr; });
  const auto begun = [&] {
    int n = 0;
    for (const Work& work : works) n += work.began ? 1 : 0;
    return n;
  };
  EXPECT_EQ(begun(), 2);
  works[3].scope.cancel(Ended::client_gone);  // waits no more
  EXPECT_TRUE(works[3].failed);
  works[1].done.notify();
  EXPECT_TRUE(works[2].began) << "in order";
  EXPECT_FALSE(works[4].began);
  works[0].done.notify();
  EXPECT_TRUE(works[4].began);
  EXPECT_EQ(begun(), 4);
  works[2].done.notify();
  works[4].done.notify();
  for (const Work& work : works) EXPECT_EQ(work.failed, !work.began);
}

}  // namespace
}  // namespace transept::serve
