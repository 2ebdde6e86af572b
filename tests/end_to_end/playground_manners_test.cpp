// The page's manners: keyboard, screen reader, phone, dark, long texts, no outside request, errors
// that are said.
#include <iostream>

#include "end_to_end/playground_testing.h"

namespace transept::testing {
namespace {

// All that the page is for, without a mouse.
TEST_F(Playground, NeedsNothingButTheKeyboard) {
  tab_to("#text");
  browser().write(" and the cat");
  tab_to("#go");
  browser().press("Enter");
  ASSERT_TRUE(browser().becomes("document.querySelector('#candidates button') !== null"));
  ASSERT_TRUE(idle());
  EXPECT_NE(browser().eval("document.querySelector('#text').value").find("and the cat"),
            std::string::npos);
  tab_to("#source button");
  browser().press("ArrowRight");
  EXPECT_EQ(browser().eval("document.activeElement.dataset.source"), "1");
  EXPECT_EQ(browser().eval("document.activeElement.dataset.glow"), "1.00");
  tab_to("#candidates .candidate:not(.chosen)");
  browser().press("Enter");
  ASSERT_TRUE(browser().becomes("document.querySelector('#target .mine') !== null"));
  ASSERT_TRUE(idle());
  EXPECT_EQ(browser().eval("document.activeElement.id"), "candidates") << "its place is lost";
  tab_to("#step");
  browser().press("ArrowRight");
  EXPECT_EQ(browser().eval("document.querySelector('#step').value"), "1");
  tab_to("#heads button");
  browser().press(" ");
  EXPECT_TRUE(browser().becomes("document.querySelector('#layer').value !== '-1'"));
  tab_to("#large");
  const std::string before = text("#readout");
  browser().press("ArrowRight");
  EXPECT_NE(text("#readout"), before);
  tab_to("#again-prompt");
  browser().write("who");
  browser().press("Enter");
  ASSERT_TRUE(browser().becomes("document.querySelector('#asked li') !== null"));
  ASSERT_TRUE(idle());
  tab_to("#shelf input");
  browser().press(" ");
  EXPECT_EQ(browser().eval("document.activeElement.checked"), "true");
  tab_to("#cover button");
  browser().press(" ");
  tab_to("#decode");
  browser().press("Enter");
  ASSERT_TRUE(browser().becomes("document.querySelector('#difference .hint') !== null"));
  ASSERT_TRUE(idle());
  tab_to("#search");
  browser().press("Enter");
  ASSERT_TRUE(browser().becomes("document.querySelector('#tree svg') !== null"));
  ASSERT_TRUE(idle());
}

// By axe-core, which is not part of the project: tools/accessibility gives its script.
TEST_F(Playground, HasNoFindingOfAxe) {
  const std::string axe = environment("TRANSEPT_AXE", "");
  if (axe.empty()) GTEST_SKIP() << "TRANSEPT_AXE names no axe.js; tools/accessibility fetches one";
  const std::string script = testing::read(axe);
  for (const bool dark : {false, true}) {
    for (const int width : {1280, 390}) {
      browser().look(width, 900, dark);
      browser().open("http://localhost:" + std::to_string(server_->port()) + "/");
      read();
      browser().click("#cover li:nth-child(2) button");
      browser().click("#decode");
      ASSERT_TRUE(browser().becomes("document.querySelector('#difference .hint') !== null"));
      browser().click("#search");
      ASSERT_TRUE(browser().becomes("document.querySelector('#tree svg') !== null"));
      ASSERT_TRUE(idle());
      browser().eval("(() => { const module = undefined, define = undefined; " + script + " })()");
      for (const bool touring : {false, true}) {
        if (touring) {
          browser().click("#tour-start");
          ASSERT_TRUE(browser().becomes("!document.querySelector('#tour').hidden"));
          ASSERT_TRUE(idle());
        }
        const std::string found = browser().eval(
            "axe.run().then((r) => r.passes.length + ' rules passed, not decided: ' + "
            "(r.incomplete.map((v) => v.id).join(', ') || 'none') + '\\n' + "
            "r.violations.map((v) => v.id + ' (' + v.impact + '): ' + v.help + '\\n' + v.nodes.map("
            "(n) => '  ' + n.target + ': ' + n.any.concat(n.all, n.none).map((c) => c.message)"
            ".join('; ')).join('\\n')).join('\\n'))");
        const size_t line = found.find('\n');
        EXPECT_EQ(found.substr(line + 1), "") << (dark ? "dark, " : "light, ") << width;
        std::cout << width << (dark ? " dark" : " light") << (touring ? ", tour: " : ": ")
                  << found.substr(0, line) << "\n";
      }
    }
  }
}

// However brightly they glow. (WCAG 2.2, 1.4.3; axe leaves what ribbons may cover undecided.)
TEST_F(Playground, KeepsItsWordsReadable) {
  for (const bool dark : {false, true}) {
    browser().look(1280, 900, dark);
    read();
    const double least = std::atof(
        browser()
            .eval("(() => { const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) =>"
                  "v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4); "
                  "return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05; }; let least = 21; for "
                  "(const e of document.querySelectorAll('#loom .token:not(.mark)')) { const s = "
                  "getComputedStyle(e); const a = light(s.color), b = light(s.backgroundColor); "
                  "least = Math.min(least, Math.max(a, b) / Math.min(a, b)); } return least; })()")
            .c_str());
    EXPECT_GE(least, 4.5) << (dark ? "dark" : "light");
    EXPECT_LT(least, 21);
  }
}

TEST_F(Playground, FitsAPhoneInTheDark) {
  browser().look(390, 844, true);
  read();
  browser().tap("#target [data-step=\"1\"]");
  EXPECT_TRUE(browser().becomes("document.querySelector('#target .now').dataset.step === '1'"));
  EXPECT_EQ(browser().eval("document.documentElement.scrollWidth"), "390");
  browser().eval("document.querySelector('#stage').scrollIntoView()");
  picture("playground-phone.png");
}

TEST_F(Playground, AsksForItsScriptsAndNothingElse) {
  const HttpResult page = http(server_->port(), "GET", "/");
  EXPECT_NE(page.headers.find("Content-Security-Policy: default-src 'none'; script-src 'self'"),
            std::string::npos);
  EXPECT_EQ(page.body.find(" style="), std::string::npos);
  EXPECT_EQ(page.body.find(" onclick="), std::string::npos);
  EXPECT_EQ(page.body.find("http://"), std::string::npos);
  EXPECT_EQ(page.body.find("https://"), std::string::npos);
  // Every control has a name that a screen reader can say.
  EXPECT_EQ(browser().eval("[...document.querySelectorAll('button, input, select, textarea')]"
                           ".filter((e) => !(e.textContent.trim() || e.labels?.length || "
                           "e.getAttribute('aria-label'))).map((e) => e.id || e.outerHTML).join()"),
            "");
}

TEST_F(Playground, SaysWhatWentWrong) {
  if (has_own_model()) GTEST_SKIP() << "its positions may end before the server's limit is met";
  browser().eval("document.querySelector('#limit').value = 5000");
  browser().eval("document.querySelector('#limit').max = 9999");
  browser().click("#go");
  ASSERT_TRUE(browser().becomes("!document.querySelector('#problem').hidden"));
  EXPECT_NE(text("#problem").find("5000"), std::string::npos) << text("#problem");
  // The browser itself notes the status that the server answered with, and that alone.
  const std::vector<std::string> problems = browser().take_problems();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("413 (Content Too Large)"), std::string::npos) << problems[0];
}

TEST_F(Playground, StaysSmoothOverLongTexts) {
  std::string longest;
  for (int i = 0; i < (has_own_model() ? 128 : 45); ++i) longest += "the quick brown fox ";
  browser().eval("document.querySelector('#limit').value = 128");
  read(longest);
  const int rows = number("document.querySelectorAll('#source .token').length");
  EXPECT_GE(rows, 512);
  // A step of the slider, the wall's large picture and the ribbons included: the quickest of
  // twenty, because others may use this machine too.
  const double took = std::atof(
      browser()
          .eval("(() => { const e = document.querySelector('#step'); let least = Infinity; "
                "for (let i = 0; i < Math.min(20, e.max); ++i) { const b = performance.now(); "
                "e.value = i; e.dispatchEvent(new Event('input')); "
                "least = Math.min(least, performance.now() - b); } return least; })()")
          .c_str());
  const int columns = number("document.querySelectorAll('#target [data-step]').length");
  if (!has_own_model()) {
    EXPECT_EQ(columns, 128);  // it never ends by itself
  }
  // Canvases: the page does not grow by the weights.
  EXPECT_LT(number("document.querySelectorAll('*').length"), rows * columns / 10);
  EXPECT_LT(took, 50) << rows << " source tokens, " << columns << " steps";
  std::cout << took << " ms a step: " << rows << " source tokens, " << columns << " steps\n";
}

}  // namespace
}  // namespace transept::testing
