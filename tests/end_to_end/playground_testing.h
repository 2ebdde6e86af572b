// What the tests of the page share: a server, a real Chromium, and what a reader does first.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "end_to_end/browser.h"
#include "end_to_end/command.h"
#include "end_to_end/http_client.h"

namespace transept::testing {

inline std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

class Playground : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (Browser::program().empty()) return;
    server_ = new ServerProcess({environment("TRANSEPT_PLAYGROUND_MODEL", model("tiny-t5-text")),
                                 "--memory-folder", "none"});
    browser_ = new Browser();
  }
  static void TearDownTestSuite() {
    delete browser_;
    delete server_;
  }

  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "there is no Chromium here: apt-get install chromium, or name one in "
                      "TRANSEPT_CHROMIUM";
    browser().look(1280, 900, false);
    browser().open("http://localhost:" + std::to_string(server_->port()) + "/");
  }
  void TearDown() override {
    if (browser_ == nullptr) return;
    for (const std::string& problem : browser().take_problems()) ADD_FAILURE() << problem;
  }

  static Browser& browser() { return *browser_; }
  static std::string text(const std::string& selector) {
    return browser().eval("document.querySelector('" + selector + "').textContent");
  }
  static int number(const std::string& script) { return std::atoi(browser().eval(script).c_str()); }
  static std::string count(const std::string& selector) {
    return browser().eval("document.querySelectorAll('" + selector + "').length");
  }
  static void read(const std::string& input = "",
                   const std::string& prompt = environment("TRANSEPT_PLAYGROUND_PROMPT", "")) {
    if (!input.empty()) browser().type("#text", input);
    browser().type("#prompt", prompt);
    browser().click("#go");
    ASSERT_TRUE(browser().becomes("!document.body.classList.contains('busy')"));
    ASSERT_TRUE(browser().becomes("document.querySelector('#candidates button') !== null"))
        << text("#problem");
  }
  // By the keyboard alone; where the focus stops it can be seen.
  static void tab_to(const std::string& selector) {
    for (int i = 0; i < 300; ++i) {
      browser().press("Tab");
      EXPECT_EQ(browser().eval("document.activeElement === document.body || "
                               "getComputedStyle(document.activeElement).outlineStyle !== 'none'"),
                "true")
          << browser().eval("document.activeElement.outerHTML.slice(0, 200)");
      if (browser().eval("document.activeElement.matches('" + selector + "')") == "true") return;
    }
    ADD_FAILURE() << "Tab never comes to " << selector;
  }
  static bool has_own_model() { return !environment("TRANSEPT_PLAYGROUND_MODEL", "").empty(); }
  static bool idle() { return browser().becomes("!document.body.classList.contains('busy')"); }
  static void picture(const std::string& name) {
    const std::string folder = environment("TRANSEPT_SCREENSHOTS", "");
    if (!folder.empty()) browser().screenshot(folder + "/" + name);
  }
  // How brightly the tokens glow together.
  static double glow(const std::string& selector, const std::string& by) {
    return std::atof(browser()
                         .eval("[...document.querySelectorAll('" + selector + "[data-by=" + by +
                               "]')].reduce((s, e) => s + Number(e.dataset.glow), 0)")
                         .c_str());
  }

  static inline ServerProcess* server_ = nullptr;
  static inline Browser* browser_ = nullptr;
};

}  // namespace transept::testing
