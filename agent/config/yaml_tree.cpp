// SPDX-License-Identifier: Apache-2.0
#include "agent/config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>
#include <utility>

#include "agent/base/log.h"

namespace tacit::config {
namespace {

constexpr size_t kMaxDepth = 8;
constexpr size_t kMaxNodes = 20'000;

// Leaves yaml-cpp's callbacks, which have no other way to stop; never leaves this file.
struct Refusal {
  int line;
  const char* why;
};

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(YamlNode::Kind::kNull, mark, anchor));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal{mark.line + 1, "aliases (*name) are not supported"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    auto node = make(YamlNode::Kind::kScalar, mark, anchor);
    node.text = value;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    bool has_key = false;
    std::string key;
    int key_line = 1;
  };

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refusal{mark.line + 1, "tags (!name) are not supported"};
  }

  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refusal{mark.line + 1, "anchors (&name) are not supported"};
    if (++nodes_ > kMaxNodes) throw Refusal{mark.line + 1, "more than 20000 values"};
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    return node;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (frames_.size() == kMaxDepth) throw Refusal{mark.line + 1, "nested more than 8 levels deep"};
    Frame frame;
    frame.node = make(kind, mark, anchor);
    frames_.push_back(std::move(frame));
  }

  void close() {
    auto node = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& frame = frames_.back();
    if (frame.node.kind == YamlNode::Kind::kSequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      add_key(frame, std::move(node));
    } else {
      frame.has_key = false;
      frame.node.entries.push_back({std::move(frame.key), frame.key_line, std::move(node)});
    }
  }

  static void add_key(Frame& frame, YamlNode node) {
    if (node.kind != YamlNode::Kind::kScalar) throw Refusal{node.line, "a key must be a word"};
    for (const auto& entry : frame.node.entries)
      if (entry.key == node.text) throw Refusal{node.line, "the same key twice"};
    if (frame.node.entries.size() == 1000) throw Refusal{node.line, "more than 1000 keys"};
    frame.has_key = true;
    frame.key = std::move(node.text);
    frame.key_line = node.line;
  }

  YamlNode root_;
  std::vector<Frame> frames_;
  size_t nodes_ = 0;
};

}  // namespace

Result<YamlNode> parse_yaml(const std::string& text, std::string_view name) {
  if (text.size() > kMaxYamlBytes) return fail(fmt::format("{}: larger than 1 MiB", name));
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    auto root = builder.take();
    TreeBuilder second;
    if (parser.HandleNextDocument(second))
      return fail(fmt::format("{}: holds more than one document (a line ---)", name));
    return root;
  } catch (const Refusal& refusal) {
    return fail(fmt::format("{} line {}: {}", name, refusal.line, refusal.why));
  } catch (const YAML::Exception& e) {
    return fail(fmt::format("{} line {}: not valid YAML: {}", name, e.mark.line + 1,
                            log::escape(e.msg)));
  } catch (const std::exception& e) {
    return fail(fmt::format("{}: not valid YAML: {}", name, log::escape(e.what())));
  }
}

}  // namespace tacit::config
