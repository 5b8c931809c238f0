// SPDX-License-Identifier: Apache-2.0
// PyTorch: functions of libtorch_cpu.so that mark the parts of a training run, and that are called
// whether or not a profiler runs. Seen in 2.11 and 2.15 (torch/optim/optimizer.py, torch/utils/data,
// torch/csrc/autograd); 1.x before 2.0 enters its ranges by a function that is not exported, so its
// steps are not seen.
//  record_function_enter_new(name, arguments): optimizer steps and loader waits, by their names.
//  record_function_exit_new(record): the end of such a range; a local symbol, so not there in a
//   stripped library.
//  Engine::execute: a backward pass. PyTorchStreamWriter, PyTorchStreamReader: checkpoints.
#include <array>
#include <string_view>

#include "agent/runtime/known_image.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

#define TACIT_STD_STRING "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
// std::optional<std::string> of the second argument was c10::optional before 2.4.
constexpr std::string_view kEnter =
    "_ZN5torch8autograd8profiler25record_function_enter_newERK" TACIT_STD_STRING "RKSt8optionalIS7_E";
constexpr std::string_view kEnterC10 =
    "_ZN5torch8autograd8profiler25record_function_enter_newERK" TACIT_STD_STRING
    "RKN3c108optionalIS7_EE";
constexpr std::string_view kLeave =
    "_ZN5torch8autograd8profilerL24record_function_exit_newERKN3c1013intrusive_ptrINS1_"
    "20PythonRecordFunctionENS2_6detail34intrusive_target_default_null_typeIS4_EEEE";
constexpr std::string_view kBackward =
    "_ZN5torch8autograd6Engine7executeERKSt6vectorINS0_4EdgeESaIS3_EERKS2_IN2at6TensorESaIS9_EEbbbS7_";
constexpr std::string_view kWriterEnd =
    "_ZN6caffe29serialize19PyTorchStreamWriter14writeEndOfFileEv";
constexpr std::string_view kReaderGone = "_ZN6caffe29serialize19PyTorchStreamReaderD1Ev";

// Constructors: of what, and whether the argument behind `this` is the file's name.
struct Maker {
  std::string_view symbol;
  const char* program;
  bool names_file;
};
constexpr Maker kMakers[] = {
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ERK" TACIT_STD_STRING "bm",
     "torch_file_writer_made", true},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ERK" TACIT_STD_STRING "b",
     "torch_file_writer_made", true},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ERK" TACIT_STD_STRING, "torch_file_writer_made",
     true},
    // 1.13: by value, which is passed as an address too
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1E" TACIT_STD_STRING, "torch_file_writer_made",
     true},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ERKSt8functionIFmPKvmEE", "torch_writer_made",
     false},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ESt8functionIFmPKvmEEbm", "torch_writer_made",
     false},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ESt8functionIFmPKvmEEb", "torch_writer_made",
     false},
    {"_ZN6caffe29serialize19PyTorchStreamWriterC1ESt8functionIFmPKvmEE", "torch_writer_made", false},
    {"_ZN6caffe29serialize19PyTorchStreamReaderC1ERK" TACIT_STD_STRING, "torch_file_reader_made",
     true},
    {"_ZN6caffe29serialize19PyTorchStreamReaderC1EPSi", "torch_reader_made", false},
    {"_ZN6caffe29serialize19PyTorchStreamReaderC1ESt10shared_ptrINS0_20ReadAdapterInterfaceEE",
     "torch_reader_made", false},
    {"_ZN6caffe29serialize19PyTorchStreamReaderC1ESt10unique_ptrINS0_20ReadAdapterInterfaceESt14"
     "default_deleteIS3_EE",
     "torch_reader_made", false},
};
#undef TACIT_STD_STRING

using Symbols = std::map<std::string, Symbol, std::less<>>;

class TorchImage {
 public:
  TorchImage(const ElfImage& image, KnownImage& known) : image_(image), known_(known) {}

  void recognise() {
    std::vector<std::string_view> names = {kEnter, kEnterC10, kBackward, kWriterEnd, kReaderGone};
    for (const Maker& maker : kMakers) names.push_back(maker.symbol);
    symbols_ = image_.symbols(names, ElfImage::Tables::kExported);
    if (!symbols_.contains(kBackward)) return;  // no libtorch
    symbols_.merge(image_.symbols(std::span(&kLeave, 1)));
    known_.trains = true;
    add_ranges();
    add_backward();
    for (const Maker& maker : kMakers) add_maker(maker);
    constexpr std::array kSelf = {Register::kRdi};
    add({"torch_writer_done"}, kWriterEnd, kSelf, "checkpoints are not seen");
    add({"torch_reader_gone"}, kReaderGone, kSelf, "the end of loading a checkpoint is not seen");
  }

 private:
  void refuse(std::string_view what, std::string_view why) {
    known_.refused.push_back("PyTorch: " + std::string(what) + ": " + std::string(why));
  }

  void add_ranges() {
    const auto entered = symbols_.contains(kEnter) ? kEnter : kEnterC10;
    if (!symbols_.contains(entered))
      return refuse("training steps are not seen", "its record_function_enter_new is not exported");
    uint64_t flags = 0;
    if (const auto left = symbols_.find(kLeave); left != symbols_.end())
      if (const auto site = entry_site(image_, left->second.address, {})) {
        known_.probes.push_back({"torch_range_left", {{site->file_offset, 0}}});
        flags = PLACE_FLAG(0);
      }
    constexpr std::array kName = {Register::kRsi};  // behind the place of the result
    add({"torch_range_entered"}, entered, kName, "training steps are not seen", flags);
  }

  void add(ProbePlan plan, std::string_view symbol, std::span<const Register> arguments,
           std::string_view loss, uint64_t flags = 0) {
    const auto found = symbols_.find(symbol);
    if (found == symbols_.end()) return refuse(loss, "a function is not exported");
    const auto site = entry_site(image_, found->second.address, arguments);
    if (!site) return refuse(loss, site.error().message);
    const uint64_t cookie = arguments.empty() ? flags : site->arguments[0].cookie(flags);
    plan.points.push_back({site->file_offset, cookie});
    known_.probes.push_back(std::move(plan));
  }

  // System V: result, this, roots, inputs, keep_graph and create_graph are in registers; accumulate_grad
  // lies behind the return address.
  void add_backward() {
    const auto site = entry_site(image_, symbols_.find(kBackward)->second.address, {});
    if (!site) return refuse("backward passes are not seen", site.error().message);
    const bool at_entry = site->address == symbols_.find(kBackward)->second.address;
    const ValuePlace accumulate{Register::kRsp, true, 8};
    known_.probes.push_back(
        {"torch_backward", {{site->file_offset, at_entry ? accumulate.cookie() : 0}}});
  }

  void add_maker(const Maker& maker) {
    const auto found = symbols_.find(maker.symbol);
    if (found == symbols_.end()) return;  // of another release
    constexpr std::array kSelf = {Register::kRdi};
    const auto site = entry_site(image_, found->second.address, kSelf);
    if (!site) return refuse("checkpoints are not seen", site.error().message);
    // Where the probe is not at the very entry, the name's register may hold something else by now.
    const bool at_entry = site->address == found->second.address;
    const char* plain = std::string_view(maker.program).find("writer") != std::string_view::npos
                            ? "torch_writer_made"
                            : "torch_reader_made";
    const char* program = maker.names_file && !at_entry ? plain : maker.program;
    known_.probes.push_back({program, {{site->file_offset, site->arguments[0].cookie()}}});
  }

  const ElfImage& image_;
  KnownImage& known_;
  Symbols symbols_;
};

}  // namespace

void recognise_torch(const ElfImage& image, const std::string& name, KnownImage& known) {
  if (name.starts_with("libtorch_cpu.")) TorchImage(image, known).recognise();
}

}  // namespace tacit::runtime
