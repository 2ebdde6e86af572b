#include "end_to_end/browser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <thread>

#include "base/json.h"
#include "end_to_end/command.h"

namespace transept::testing {
namespace {

constexpr int kPatienceMs = 30'000;

std::string decode_base64(std::string_view text) {
  std::string bytes;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    group = group << 6U | static_cast<unsigned>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xFFU);
  }
  return bytes;
}

std::string in_quotes(std::string_view text) {
  JsonWriter json;
  json.value(text);
  return json.take();
}

// A flat object of texts: {"a": "1"}.
std::string object(std::initializer_list<std::pair<const char*, std::string>> members) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [name, text] : members) json.member(name, text);
  json.end_object();
  return json.take();
}

}  // namespace

std::string Browser::program() {
  if (const char* given = std::getenv("TRANSEPT_CHROMIUM")) return given;
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser"})
    if (access(path, X_OK) == 0) return path;
  return "";
}

Browser::Browser() {
  int out[2];
  int in[2];
  if (pipe(out) != 0 || pipe(in) != 0) return;
  std::vector<std::string> words = {program(),
                                    "--headless=new",
                                    "--remote-debugging-pipe",
                                    "--user-data-dir=" + scratch("browser"),
                                    "--no-first-run",
                                    "--disable-gpu",
                                    "--disable-dev-shm-usage",
                                    "--disable-background-networking",
                                    "--disable-component-update",
                                    "--hide-scrollbars",
                                    "--lang=en"};
  if (getuid() == 0) words.emplace_back("--no-sandbox");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  child_ = fork();
  if (child_ == 0) {
    setpgid(0, 0);  // its many processes end together
    const int null = ::open("/dev/null", O_RDWR);
    // The pipe's ends are 3 and 4, whatever numbers they have now.
    const int commands = fcntl(out[0], F_DUPFD, 10);
    const int answers = fcntl(in[1], F_DUPFD, 10);
    dup2(commands, 3);
    dup2(answers, 4);
    for (int i = 0; i < 3; ++i) dup2(null, i);
    for (int i = 5; i < 64; ++i) ::close(i);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  ::close(out[0]);
  ::close(in[1]);
  to_ = out[1];
  from_ = in[0];
  const JsonDocument target =
      JsonDocument::parse(call("Target.createTarget", object({{"url", "about:blank"}})), "target");
  const JsonDocument attached = JsonDocument::parse(
      call("Target.attachToTarget", R"({"flatten": true, "targetId": )" +
                                        in_quotes(target.root().at("targetId").as_string()) + "}"),
      "attached");
  session_ = attached.root().at("sessionId").as_string();
  for (const char* domain : {"Page", "Runtime", "Log", "Network"})
    call(std::string(domain) + ".enable");
}

Browser::~Browser() {
  ::close(to_);
  ::close(from_);
  kill(-child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

std::string Browser::read_message() {
  for (;;) {
    const size_t end = received_.find('\0');
    if (end != std::string::npos) {
      std::string message = received_.substr(0, end);
      received_.erase(0, end + 1);
      return message;
    }
    pollfd waiting{from_, POLLIN, 0};
    std::array<char, 65536> buffer;
    ssize_t n = poll(&waiting, 1, kPatienceMs);
    if (n > 0) n = ::read(from_, buffer.data(), buffer.size());
    if (n <= 0) throw Error(ErrorCode::io, "the browser says nothing any more");
    received_.append(buffer.data(), static_cast<size_t>(n));
  }
}

std::string Browser::call(const std::string& method, const std::string& params) {
  const int id = ++last_id_;
  JsonWriter json;
  json.begin_object().member("id", id).member("method", method).key("params").raw(params);
  if (!session_.empty()) json.member("sessionId", session_);
  json.end_object();
  std::string message = json.take() + '\0';
  for (size_t sent = 0; sent < message.size();) {
    const ssize_t n = ::write(to_, message.data() + sent, message.size() - sent);
    if (n <= 0) throw Error(ErrorCode::io, "the browser has gone");
    sent += static_cast<size_t>(n);
  }
  for (;;) {
    const std::string answer = read_message();
    const size_t result = answer.find("\"result\":");
    const JsonDocument document = JsonDocument::parse(answer, method);
    if (!document.root().find("id")) {
      take_event(answer);
      continue;
    }
    if (document.root().at("id").as_int() != id) continue;
    if (const auto error = document.root().find("error")) {
      ADD_FAILURE() << method << ": " << error->at("message").as_string();
      return "{}";
    }
    // The value of "result": up to the members that may follow it.
    size_t end = answer.rfind(",\"sessionId\":");
    if (end == std::string::npos || end < result) end = answer.rfind('}');
    return answer.substr(result + 9, end - result - 9);
  }
}

void Browser::take_event(const std::string& message) {
  const JsonDocument document = JsonDocument::parse(message, "event");
  const std::string method = document.root().get("method", "");
  const auto params = document.root().find("params");
  if (!params) return;
  if (method == "Runtime.exceptionThrown") {
    problems_.push_back("exception: " + message);
  } else if (method == "Runtime.consoleAPICalled") {
    const std::string type = params->get("type", "");
    if (type == "error" || type == "warning") problems_.push_back("console: " + message);
  } else if (method == "Log.entryAdded") {
    const Json entry = params->at("entry");
    if (entry.get("level", "") == "error" || entry.get("source", "") == "security")
      problems_.push_back("log: " + message);
  } else if (method == "Network.requestWillBeSent") {
    const std::string url = params->at("request").get("url", "");
    if (!origin_.empty() && !url.starts_with(origin_) && !url.starts_with("data:"))
      problems_.push_back("asks another server: " + url);
  }
}

void Browser::look(int width, int height, bool dark) {
  call("Emulation.setDeviceMetricsOverride",
       fmt::format(R"({{"width": {}, "height": {}, "deviceScaleFactor": 1, "mobile": {}}})", width,
                   height, width < 600));
  call("Emulation.setTouchEmulationEnabled",
       fmt::format(R"({{"enabled": {}}})", width < 600 ? "true" : "false"));
  call("Emulation.setEmulatedMedia",
       fmt::format(R"({{"features": [{{"name": "prefers-color-scheme", "value": "{}"}},
                       {{"name": "prefers-reduced-motion", "value": "reduce"}}]}})",
                   dark ? "dark" : "light"));
}

void Browser::open(const std::string& url) {
  origin_ = url;
  call("Page.navigate", object({{"url", url}}));
  EXPECT_TRUE(becomes("document.documentElement?.dataset.ready === 'yes'")) << url;
}

std::string Browser::eval(const std::string& script) {
  const std::string answer = call(
      "Runtime.evaluate", R"({"awaitPromise": true, "returnByValue": true, "expression": )" +
                              in_quotes("(async () => String(await (" + script + ")))()") + "}");
  const JsonDocument document = JsonDocument::parse(answer, "evaluated");
  if (const auto thrown = document.root().find("exceptionDetails")) {
    const auto exception = thrown->find("exception");
    ADD_FAILURE() << script << ": " << (exception ? exception->get("description", "") : answer);
    return "";
  }
  return document.root().at("result").get("value", "");
}

bool Browser::becomes(const std::string& script) {
  for (int i = 0; i < 600; ++i) {
    if (eval(script) == "true") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

std::pair<double, double> Browser::middle_of(const std::string& selector) {
  const std::string place = eval(
      "(() => { const e = document.querySelector(" + in_quotes(selector) +
      "); if (!e) return ''; e.scrollIntoView({block: 'center'}); const b = "
      "e.getBoundingClientRect(); return `${b.left + b.width / 2} ${b.top + b.height / 2}`; })()");
  if (place.empty()) {
    ADD_FAILURE() << "nothing is " << selector;
    return {0, 0};
  }
  const size_t space = place.find(' ');
  return {std::atof(place.c_str()), std::atof(place.c_str() + space)};
}

void Browser::mouse(const char* type, double x, double y, const char* button) {
  call("Input.dispatchMouseEvent",
       fmt::format(R"({{"type": "{}", "x": {}, "y": {}, "button": "{}", "clickCount": {}}})", type,
                   x, y, button, *button == 'n' ? 0 : 1));
}

void Browser::hover(const std::string& selector) {
  const auto [x, y] = middle_of(selector);
  mouse("mouseMoved", x, y, "none");
}

void Browser::click(const std::string& selector) {
  const auto [x, y] = middle_of(selector);
  mouse("mouseMoved", x, y, "none");
  mouse("mousePressed", x, y, "left");
  mouse("mouseReleased", x, y, "left");
}

void Browser::type(const std::string& selector, const std::string& text) {
  eval("(() => { const e = document.querySelector(" + in_quotes(selector) +
       "); e.focus(); e.select(); })()");
  write(text);
}

void Browser::write(const std::string& text) {
  call("Input.insertText", object({{"text", text}}));
}

void Browser::tap(const std::string& selector) {
  const auto [x, y] = middle_of(selector);
  call("Input.dispatchTouchEvent",
       fmt::format(R"({{"type": "touchStart", "touchPoints": [{{"x": {}, "y": {}}}]}})", x, y));
  call("Input.dispatchTouchEvent", R"({"type": "touchEnd", "touchPoints": []})");
}

void Browser::press(const std::string& key) {
  // What the browser itself does with a key goes by its number and the text that it types.
  static const std::map<std::string, std::pair<int, const char*>> keys = {
      {"Tab", {9, ""}},         {"Enter", {13, "\r"}},   {"Escape", {27, ""}},
      {" ", {32, " "}},         {"ArrowLeft", {37, ""}}, {"ArrowUp", {38, ""}},
      {"ArrowRight", {39, ""}}, {"ArrowDown", {40, ""}}, {"Backspace", {8, ""}}};
  const auto [number, text] = keys.at(key);
  for (const char* type : {"keyDown", "keyUp"}) {
    JsonWriter json;
    json.begin_object().member("type", type).member("key", key);
    json.member("code", key == " " ? "Space" : key).member("windowsVirtualKeyCode", number);
    if (*text != '\0' && *(type + 3) == 'D') json.member("text", text);
    json.end_object();
    call("Input.dispatchKeyEvent", json.take());
  }
}

void Browser::screenshot(const std::string& path, bool whole_page) {
  const std::string answer =
      call("Page.captureScreenshot",
           fmt::format(R"({{"format": "png", "captureBeyondViewport": {}}})", whole_page));
  const JsonDocument document = JsonDocument::parse(answer, "screenshot");
  testing::write(path, decode_base64(document.root().at("data").as_string()));
}

}  // namespace transept::testing
