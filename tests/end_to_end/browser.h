// A real Chromium, driven through its debugging pipe: no driver program, no library. What a reader
// would do, and what went wrong meanwhile.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace transept::testing {

class Browser {
 public:
  // Its program; empty if there is none on this machine.
  [[nodiscard]] static std::string program();

  Browser();
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void look(int width, int height, bool dark);  // the window and its colours; no motion
  void open(const std::string& url);
  // What the expression (or the promise it is) becomes, as a text. Fails the test if it throws.
  std::string eval(const std::string& script);
  // Whether it becomes true within half a minute.
  bool becomes(const std::string& script);
  // By CSS selector, with the mouse or the keyboard.
  void hover(const std::string& selector);
  void click(const std::string& selector);
  void type(const std::string& selector, const std::string& text);  // instead of what is there
  void write(const std::string& text);                              // where the focus is
  void press(const std::string& key);                               // "Tab", "ArrowRight"
  void tap(const std::string& selector);  // with a finger, on a narrow window
  // What can be seen (or the whole page) as a PNG file.
  void screenshot(const std::string& path, bool whole_page = false);
  // Errors of console and scripts, requests to others than the opened server.
  // since it was asked last.
  [[nodiscard]] std::vector<std::string> take_problems() { return std::exchange(problems_, {}); }

 private:
  // A command of the protocol and what it answers, as JSON.
  std::string call(const std::string& method, const std::string& params = "{}");
  std::string read_message();
  void take_event(const std::string& message);
  void mouse(const char* type, double x, double y, const char* button);
  std::pair<double, double> middle_of(const std::string& selector);

  pid_t child_ = -1;
  int to_ = -1;
  int from_ = -1;
  int last_id_ = 0;
  std::string session_;
  std::string origin_;
  std::string received_;
  std::vector<std::string> problems_;
};

}  // namespace transept::testing
