// The page at GET / in a real Chromium: its seven parts. Pictures of it are written to
// TRANSEPT_SCREENSHOTS if that names a folder (docs/), of the model that TRANSEPT_PLAYGROUND_MODEL
// names and the texts in TRANSEPT_PLAYGROUND_TEXT and TRANSEPT_PLAYGROUND_PROMPT.
#include "end_to_end/playground_testing.h"

namespace transept::testing {
namespace {

TEST_F(Playground, ReplaysTheStepsAndGoesOnWithAnotherToken) {
  browser().look(1280, 1080, false);
  browser().eval(
      "(() => { window.lengths = new Set(); new MutationObserver(() => lengths.add("
      "document.querySelectorAll('#target [data-step]').length)).observe("
      "document.querySelector('#target'), {childList: true}); })()");
  read(environment("TRANSEPT_PLAYGROUND_TEXT", ""));
  EXPECT_GT(number("lengths.size"), 3) << "tokens come one after the other";
  EXPECT_EQ(browser().eval("document.querySelector('#lamp').classList.contains('lit')"), "true");
  EXPECT_EQ(text("#runs"), "1");
  EXPECT_EQ(count("#candidates button"), "5");
  EXPECT_NE(text("#candidates .share").find('%'), std::string::npos);
  EXPECT_NE(text("#note").find("not an alignment"), std::string::npos);
  EXPECT_GT(glow("#source .token", "cross"), 0.5);
  EXPECT_GT(glow("#target .token", "self"), 0.1);
  EXPECT_GT(number("document.querySelectorAll('#ribbons path').length"), 0);
  const std::string said = text("#live");
  browser().click("#forward");
  EXPECT_NE(text("#live"), said);
  EXPECT_EQ(browser().eval("document.querySelector('#step').value"), "1");
  browser().eval("scrollTo(0, 0)");
  picture("playground.png");
  // Another token at this step: the text before it stays, the encoder does not run.
  const std::string first = text("#target [data-step=\"0\"]");
  const std::string other = text("#candidates .candidate:not(.chosen) .piece");
  browser().click("#candidates .candidate:not(.chosen)");
  ASSERT_TRUE(browser().becomes("document.querySelector('#target .mine') !== null"));
  ASSERT_TRUE(idle());
  ASSERT_TRUE(browser().becomes("document.querySelector('#candidates .chosen') !== null"));
  EXPECT_EQ(text("#target .mine"), other);
  EXPECT_EQ(text("#target [data-step=\"0\"]"), first);
  EXPECT_EQ(text("#runs"), "1");
  browser().click("#own-way");
  EXPECT_TRUE(browser().becomes("document.querySelector('#target .mine') === null"));
  ASSERT_TRUE(idle());
}

TEST_F(Playground, ShowsWhatBelongsTogether) {
  read();
  browser().hover("#target [data-step=\"2\"]");
  EXPECT_TRUE(browser().becomes("document.querySelector('#target .now').dataset.step === '2'"));
  EXPECT_GT(number("document.querySelectorAll('#ribbons path').length"), 0);
  browser().hover("#source [data-source=\"1\"]");
  EXPECT_TRUE(
      browser().becomes("document.querySelector('#source [data-source=\"1\"]').dataset.glow == 1"));
  EXPECT_GT(glow("#target .token", "cross"), 0);
  // The keyboard does the same.
  browser().eval("document.querySelector('#source [data-source=\"0\"]').focus()");
  browser().press("ArrowRight");
  EXPECT_EQ(browser().eval("document.activeElement.dataset.source"), "1");
}

TEST_F(Playground, HangsEveryHeadOnTheWall) {
  read();
  const int heads = number("document.querySelector('#head').options.length - 1");
  const int layers = number("document.querySelector('#layer').options.length - 1");
  EXPECT_EQ(number("document.querySelectorAll('#heads button').length"), heads * layers);
  browser().click("#heads button[data-head=\"1 1\"]");
  EXPECT_TRUE(browser().becomes("document.querySelector('#layer').value === '1'"));
  EXPECT_EQ(browser().eval("document.querySelector('#heads [aria-pressed=true]').dataset.head"),
            "1 1");
  const std::string before = text("#readout");
  EXPECT_NE(before.find("0."), std::string::npos) << before;
  browser().eval("document.querySelector('#large').focus()");
  browser().press("ArrowRight");
  EXPECT_NE(text("#readout"), before);
  browser().eval("document.querySelector('#wall').scrollIntoView()");
  picture("playground-wall.png");
  browser().click("[name=kind][value=self]");
  EXPECT_NE(
      browser().eval("document.querySelector('#large').getAttribute('aria-label')").find("Self"),
      std::string::npos);
}

TEST_F(Playground, AsksOneMemoryManyTimes) {
  read("The dog sleeps in the house");
  const int runs = number("document.querySelector('#runs').textContent");
  for (const char* prompt : {"for me", "who"}) {
    browser().type("#again-prompt", prompt);
    browser().click("#again button");
    ASSERT_TRUE(browser().becomes(std::string("document.querySelector('#asked li')?.textContent"
                                              ".startsWith('") +
                                  prompt + "')"));
    ASSERT_TRUE(idle());
  }
  EXPECT_NE(text("#asked li").find("0 encoder runs"), std::string::npos);
  EXPECT_EQ(number("document.querySelector('#runs').textContent"), runs);
  EXPECT_EQ(text("#answers"), "3");
  EXPECT_GT(std::atof(text("#saved").c_str()), 0);
  browser().eval("document.querySelector('#memories').scrollIntoView()");
  picture("playground-memories.png");
  // Two of the shelf joined: their rows side by side, the encoder does not run.
  read("A cat");
  ASSERT_TRUE(browser().becomes("document.querySelectorAll('#shelf li').length >= 2"));
  const int after = number("document.querySelector('#runs').textContent");
  browser().click("#shelf li:nth-child(1) input");
  browser().click("#shelf li:nth-child(2) input");
  const int rows = number(
      "[...document.querySelectorAll('#shelf li')].slice(0, 2).reduce((s, e) => s + "
      "parseInt(e.querySelector('small').textContent), 0)");
  browser().click("#join");
  EXPECT_TRUE(browser().becomes("document.querySelectorAll('#source .token').length == " +
                                std::to_string(rows)));
  ASSERT_TRUE(idle());
  EXPECT_EQ(number("document.querySelector('#runs').textContent"), after);
}

TEST_F(Playground, CoversWordsAndMarksTheDifference) {
  read();
  const int runs = number("document.querySelector('#runs').textContent");
  EXPECT_EQ(browser().eval("document.querySelector('#decode').disabled"), "true");
  for (const char* row : {"3", "4", "5", "6"})
    browser().click("#cover li:nth-child(" + std::string(row) + ") button");
  browser().click("#decode");
  ASSERT_TRUE(browser().becomes("document.querySelector('#difference .hint') !== null"));
  ASSERT_TRUE(idle());
  EXPECT_NE(text("#difference .hint").find("0 encoder runs, 4 of"), std::string::npos);
  EXPECT_EQ(number("document.querySelector('#runs').textContent"), runs);
  const bool same = text("#difference").find("no difference") != std::string::npos;
  EXPECT_EQ(count("#marked del, #marked ins") == "0", same);
  EXPECT_FALSE(same && !has_own_model()) << text("#difference");
  // Beside the raw weights: value-weighted ones and occlusion.
  const double raw = glow("#source .token", "cross");
  for (const char* measure : {"value", "occlusion"}) {
    browser().eval("(() => { const e = document.querySelector('#measure'); e.value = '" +
                   std::string(measure) + "'; e.dispatchEvent(new Event('change')); })()");
    EXPECT_TRUE(browser().becomes(
        "Math.abs([...document.querySelectorAll('#source .token')].reduce((s, e) => s + "
        "Number(e.dataset.glow), 0) - " +
        std::to_string(raw) + ") > 1e-4"))
        << measure;
  }
}

TEST_F(Playground, DrawsTheSearchAsATree) {
  read();
  browser().click("#search");
  ASSERT_TRUE(browser().becomes("document.querySelector('#tree svg') !== null"));
  ASSERT_TRUE(idle());
  EXPECT_GT(number("document.querySelectorAll('#tree g.dropped').length"), 2);
  EXPECT_GT(number("document.querySelectorAll('#tree g.onbest').length"), 0);
  EXPECT_EQ(count("#tree path.best"), count("#tree g.onbest"));
  EXPECT_GT(number("document.querySelectorAll('#hypotheses li').length"), 0);
  browser().eval("document.querySelector('#beam').scrollIntoView()");
  picture("playground-beam.png");
}

TEST_F(Playground, WalksThroughTheWorkedExample) {
  browser().click("#tour-start");
  ASSERT_TRUE(browser().becomes("!document.querySelector('#tour').hidden"));
  for (int step = 0; step <= 4; ++step) {
    EXPECT_TRUE(text("#tour-title").starts_with("STEP " + std::to_string(step)));
    EXPECT_EQ(count(".spot"), "1");
    EXPECT_EQ(browser().eval("document.activeElement.id"), "tour-next");
    if (step == 3) picture("playground-tour.png");
    browser().click("#tour-next");
  }
  EXPECT_EQ(browser().eval("document.querySelector('#tour').hidden"), "true");
  browser().click("#tour-start");
  ASSERT_TRUE(browser().becomes("!document.querySelector('#tour').hidden"));
  browser().press("Escape");
  EXPECT_EQ(browser().eval("document.querySelector('#tour').hidden"), "true");
}

}  // namespace
}  // namespace transept::testing
