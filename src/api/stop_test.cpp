// What the public header promises: what takes long ends when its token says so.
#include <gtest/gtest.h>

#include <array>

#include "transept/transept.h"

namespace transept {
namespace {

template <class F>
void expect_cancelled(F&& f) {
  try {
    f();
    ADD_FAILURE() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled) << error.what();
  }
}

TEST(Stop, EndsWhateverItIsGivenTo) {
  const Model model = Model::load(TRANSEPT_FIXTURES "/models/tiny-t5-text", {.threads = 2});
  const Memory memory = model.encode("The quick brown fox");
  const auto best = model.generate(memory, {.max_new_tokens = 8}).front();
  std::stop_source source;
  const std::stop_token stop = source.get_token();
  EXPECT_EQ(model.encode("The quick brown fox", stop).rows(), memory.rows());
  EXPECT_EQ(model.generate(memory, {.max_new_tokens = 8, .stop = stop}).front().ids, best.ids);
  int n_tokens = 0;
  expect_cancelled([&] {  // in the middle
    model.generate(memory, {.max_new_tokens = 8, .min_new_tokens = 8, .stop = stop},
                   [&](Token, std::string_view) {
                     if (++n_tokens == 3) source.request_stop();
                     return true;
                   });
  });
  EXPECT_LT(n_tokens, 8);
  expect_cancelled([&] { (void)model.encode("The quick brown fox", stop); });
  expect_cancelled([&] { (void)model.encode(memory.ids(), stop); });
  expect_cancelled([&] { (void)model.score(memory, best.ids, {}, 0, stop); });
  expect_cancelled([&] { (void)model.explain(memory, {.stop = stop}); });
  const std::array<Request, 2> requests = {Request{.memory = memory}, Request{.memory = memory}};
  expect_cancelled([&] {
    model.generate_batch(requests, {.stop = stop}, {}, [](std::size_t, auto) { return true; });
  });
  EXPECT_EQ(model.generate(memory, {.max_new_tokens = 8}).front().ids, best.ids);
}

}  // namespace
}  // namespace transept
