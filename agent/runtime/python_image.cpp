// SPDX-License-Identifier: Apache-2.0
// CPython 3.8 and later: where a thread's running context is kept, and where contexts are made
// (Python/context.c, Python/pystate.c). Nothing is taken from a table of versions: it is read out of
// the code of exported functions, so builds with other options come out right or not at all.
#include <array>
#include <map>
#include <optional>

#include "agent/runtime/context_makers.h"
#include "agent/runtime/elf_image.h"
#include "agent/runtime/known_image.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

constexpr size_t kMaxSteps = 48;
// glibc's struct pthread: specific_1stblock[0].data (nptl/descr.h; 2.17 to 2.41 on x86-64).
constexpr int32_t kGlibcFirstSlot = 0x310 + 8;
// Py_tss_t: int _is_initialized, pthread_key_t _key (Include/cpython/pythread.h).
constexpr uint64_t kKeyInTss = 4;

using Words = std::vector<std::pair<uint64_t, uint64_t>>;
using Symbols = std::map<std::string, Symbol, std::less<>>;

uint64_t address_of(const Symbols& symbols, std::string_view name) {
  const auto found = symbols.find(name);
  return found == symbols.end() ? 0 : found->second.address;
}

std::optional<Instruction> decode_at(const ElfImage& image, uint64_t address) {
  const auto bytes = image.read(address, 15);
  return decode(bytes, address);
}

// Walks straight through code: past branches not taken and past calls, and into direct jumps.
template <typename Step>  // bool(const Instruction&): go on
void walk(const ElfImage& image, uint64_t address, Step step) {
  for (size_t i = 0; i < kMaxSteps; ++i) {
    const auto instruction = decode_at(image, address);
    if (!instruction || !step(*instruction)) return;
    if (instruction->flow == Flow::kReturn || instruction->flow == Flow::kUnknown ||
        instruction->flow == Flow::kStop)
      return;
    address = instruction->flow == Flow::kJump ? instruction->target : instruction->next();
  }
}

// Which registers hold an address known from the code alone.
class KnownRegisters {
 public:
  explicit KnownRegisters(const Words& words) : words_(words) {}

  void follow(const Instruction& instruction) {
    std::optional<uint64_t> value;
    switch (instruction.effect) {
      case Effect::kAddress:
      case Effect::kConstant: value = instruction.address_value; break;
      case Effect::kLoadAddress: value = relocated(words_, instruction.address_value); break;
      case Effect::kMove: value = at(instruction.source.base); break;
      case Effect::kAdd:
        if (const auto base = at(instruction.source.base))
          value = *base + static_cast<uint64_t>(int64_t{instruction.source.offset});
        break;
      default: break;
    }
    for (unsigned reg = 0; reg < 16; ++reg)
      if (instruction.writes & (1U << reg)) values_[reg].reset();
    if (value && !instruction.destination.in_memory)
      values_[static_cast<unsigned>(instruction.destination.base)] = value;
  }

  std::optional<uint64_t> at(Register reg) const { return values_[static_cast<unsigned>(reg)]; }

 private:
  const Words& words_;
  std::array<std::optional<uint64_t>, 16> values_;
};

// PyGILState_GetThisThreadState hands &_PyRuntime.….autoTSSkey to PyThread_tss_get, or, where that
// was inlined, loads the key itself for pthread_getspecific.
std::optional<uint64_t> find_key(const ElfImage& image, const Words& words, uint64_t function,
                                 const Symbol& runtime) {
  std::optional<uint64_t> key;
  KnownRegisters known(words);
  walk(image, function, [&](const Instruction& instruction) {
    const bool hands_over = instruction.flow == Flow::kJump || instruction.flow == Flow::kCall;
    if (hands_over && known.at(Register::kRdi)) {
      key = *known.at(Register::kRdi) + kKeyInTss;
      return false;
    }
    const bool loads = instruction.effect == Effect::kOther && instruction.has_address &&
                       instruction.writes == 1U << static_cast<unsigned>(Register::kRdi);
    if (loads) key = instruction.address_value;
    known.follow(instruction);
    return !key;
  });
  if (!key || *key < runtime.address || *key >= runtime.address + runtime.size_bytes)
    return std::nullopt;
  return key;
}

// context_get(): ctx = ts->context; if (ctx == NULL) … — in PyContext_CopyCurrent itself or in the
// first function that it calls.
std::optional<uint32_t> find_context(const ElfImage& image, uint64_t function, bool may_call) {
  std::optional<uint32_t> offset;
  Instruction load;
  bool loaded = false;  // by the instruction before
  uint64_t callee = 0;
  walk(image, function, [&](const Instruction& instruction) {
    if (loaded && instruction.effect == Effect::kTestSelf &&
        instruction.destination == load.destination)
      offset = static_cast<uint32_t>(load.source.offset);
    loaded = instruction.effect == Effect::kLoad &&
             instruction.source.base != Register::kRsp && instruction.source.offset >= 64 &&
             instruction.source.offset < 4096 && instruction.source.offset % 8 == 0;
    load = instruction;
    if (instruction.flow == Flow::kCall && callee == 0 && instruction.emulated)
      callee = instruction.target;
    return !offset;
  });
  if (!offset && may_call && callee != 0) return find_context(image, callee, false);
  return offset;
}

// uvloop reads outside of any context and then enters that of the protocol.
void add_entries(const ElfImage& image, uint64_t function, KnownImage& known) {
  constexpr std::array kContext = {Register::kRdi};
  const auto site = entry_site(image, function, kContext);
  if (!site) {
    known.refused.push_back("Python: contexts that uvloop enters are not seen: PyContext_Enter: " +
                            site.error().message);
    return;
  }
  known.probes.push_back({"python_context_entered",
                          {{site->file_offset, site->arguments[0].cookie()}},
                          std::string(kProvidesUvloop)});
}

bool find_layout(const ElfImage& image, const Symbols& symbols, const Words& words,
                 KnownImage& known) {
  const auto runtime = symbols.find("_PyRuntime");
  const uint64_t state = address_of(symbols, "PyGILState_GetThisThreadState");
  const auto key = runtime == symbols.end() || state == 0
                       ? std::nullopt
                       : find_key(image, words, state, runtime->second);
  if (!key) {
    known.refused.emplace_back(
        "Python: tasks are not told apart: the key of the thread state was not found in its code");
    return false;
  }
  const auto context = find_context(image, address_of(symbols, "PyContext_CopyCurrent"), true);
  if (!context) {
    known.refused.emplace_back(
        "Python: tasks are not told apart: the thread state's context was not found in its code");
    return false;
  }
  known.layout = {.kind = RUNTIME_PYTHON,
                  .thread_offset = kGlibcFirstSlot,
                  .key_address = *key,
                  .type_address = address_of(symbols, "PyContext_Type"),
                  .task_offset = *context,
                  .parent_offset = kPythonContextEntered};
  known.needs_glibc = true;
  return true;
}

}  // namespace

void recognise_python(const ElfImage& image, const std::string&, KnownImage& known) {
  constexpr std::array<std::string_view, 7> kNames = {
      "PyContext_CopyCurrent", "PyContext_Copy",  "PyContext_New",
      "PyContext_Type",        "PyContext_Enter", "PyGILState_GetThisThreadState",
      "_PyRuntime"};
  const auto symbols = image.symbols(kNames);
  if (address_of(symbols, "PyContext_CopyCurrent") == 0 ||
      address_of(symbols, "PyContext_Type") == 0)
    return;
  if (image.machine() != Machine::kX86_64 || !kCanDecode) {
    known.refused.emplace_back("Python: tasks are told apart on x86-64 only so far");
    return;
  }
  const auto words = image.relocated_words(ElfImage::Relocations::kSymbols);
  const auto points = find_context_makers(
      image,
      {.copy_current = address_of(symbols, "PyContext_CopyCurrent"),
       .copy = address_of(symbols, "PyContext_Copy"),
       .make = address_of(symbols, "PyContext_New"),
       .type = address_of(symbols, "PyContext_Type")},
      words);
  if (!points) {
    known.refused.push_back("Python: tasks are not told apart: contexts would be made unseen: " +
                            points.error().message);
    return;
  }
  if (!find_layout(image, symbols, words, known)) return;
  known.probes.push_back({"python_context_created", *points});
  add_entries(image, address_of(symbols, "PyContext_Enter"), known);
}

}  // namespace tacit::runtime
