"""PyTorch layers that several systems share, and how Backdraw's weights get into them.

Modules have the names of Backdraw's layers, and every flat tensor has Backdraw's order of elements (channels last), so
weights are copied by name. Images stay in `channels_last`: a flat tensor becomes an image, and back, as a view.
"""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


def wide(x):
    """A tensor in the default precision, although `autocast` may have computed it in bf16."""
    return x.to(torch.get_default_dtype())


def stack(**layers):
    """Layers one after another, by name."""
    return nn.Sequential(OrderedDict(layers))


class ToImage(nn.Module):
    """Flat tensors, channels last, to images."""

    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = (height, width, channels)

    def forward(self, x):
        return x.reshape(-1, *self.shape).permute(0, 3, 1, 2)


class ToFlat(nn.Module):
    """Images to flat tensors, channels last."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's `same` padding of images of this height and width."""

    def __init__(self, inputs, filters, kernel, stride, size):
        super().__init__(inputs, filters, kernel, stride)
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        self.pads = (before, after, before, after)
        if before == after:
            self.padding = (before, before)

    def forward(self, x):
        return super().forward(x if self.padding[0] > 0 else F.pad(x, self.pads))


class Equalised(nn.Module):
    """A dense layer, or a convolution if `size` is given, whose weight is scaled at run time."""

    def __init__(self, inputs, outputs, size=0, gain=math.sqrt(2.0), slow=1.0, bias=True, stride=1, padding=None):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, *((size, size) if size else ())) / slow)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.slow = gain / math.sqrt(inputs * max(size, 1) ** 2) * slow, slow
        self.stride, self.padding = stride, size // 2 if padding is None else padding

    def forward(self, x):
        bias = self.bias if self.bias is None or self.slow == 1.0 else self.bias * self.slow
        if self.weight.dim() == 2:
            return F.linear(x, self.weight * self.scale, bias)
        return F.conv2d(x, self.weight * self.scale, bias, self.stride, self.padding)


class Bias(nn.Module):
    """A number per channel."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x):
        return x + self.bias


class PixelNorm(nn.Module):
    def forward(self, x):
        return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


class Gain(nn.Module):
    def forward(self, x):
        return x * math.sqrt(2.0)


class Fir(nn.Module):
    """A filter of each channel, the same vertically and horizontally, of images with `pad` zeros on all sides."""

    def __init__(self, taps, pad, down=1):
        super().__init__()
        taps = torch.tensor(taps)
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)
        self.pad, self.down = pad, down

    def forward(self, x):
        kernel = self.kernel.expand(x.shape[1], 1, -1, -1)
        return F.conv2d(x, kernel, stride=self.down, padding=self.pad, groups=x.shape[1])


class FirUp(Fir):
    """Doubles height and width: zeros are inserted, then filtered."""

    def forward(self, x):
        kernel = self.kernel.expand(x.shape[1], 1, -1, -1)
        return F.conv_transpose2d(x, kernel, stride=2, padding=self.pad, groups=x.shape[1])


class MinibatchStddev(nn.Module):
    """Appends a channel: the standard deviation over groups of four images, one number per group."""

    def forward(self, x):
        n, c, h, w = x.shape
        group = next(size for size in (4, 3, 2, 1) if n % size == 0)
        groups = wide(x).reshape(group, n // group, c, h, w)
        variance = (groups - groups.mean(dim=0)).square().mean(dim=0)
        deviation = (variance + 1e-8).sqrt().mean(dim=(1, 2, 3))
        channel = deviation.repeat(group).reshape(n, 1, 1, 1).expand(n, 1, h, w)
        return torch.cat([x, channel.to(x.dtype)], dim=1)


def parameters(*networks):
    return [parameter for network in networks for parameter in network.parameters()]


def frozen(*networks):
    """Within this context the networks' parameters get no gradients."""
    return _Frozen(networks)


class _Frozen:
    def __init__(self, networks):
        self.networks = networks

    def __enter__(self):
        for network in self.networks:
            network.requires_grad_(False)

    def __exit__(self, *_):
        for network in self.networks:
            network.requires_grad_(True)


def update(optimizer, loss, clip=0.0):
    """One update; returns the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if clip > 0.0:
        for group in optimizer.param_groups:
            nn.utils.clip_grad_value_(group["params"], clip)
    optimizer.step()
    return loss.item()


def adam(networks, rate, beta1, beta2=0.999, eps=1e-8):
    return torch.optim.Adam(parameters(*networks), rate, (beta1, beta2), eps, fused=True)


def bce(logits, target):
    """The cross-entropy of logits; the target is a number or a tensor."""
    logits = wide(logits)
    target = target if torch.is_tensor(target) else torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, target)


def squared_gradients(score, x):
    """D(x_i) of a batch, and the squared norms of its gradients by x_i, to be differentiated again."""
    x = x.detach().requires_grad_(True)
    scores = score(x)
    (gradient,) = torch.autograd.grad(wide(scores).sum(), x, create_graph=True)
    return scores, wide(gradient).square().sum(dim=(1, 2, 3))


def load(networks, tensors):
    """Copies Backdraw's weights into the networks, by name.

    `networks` maps the names of Backdraw's networks to modules; `tensors` is a checkpoint. Every tensor of both sides must
    be used, so their numbers of parameters agree. Returns the number of parameters of each network.
    """
    counts = {}
    for network, module in networks.items():
        own = {f"{network}.{name}": tensor for name, tensor in named(module)}
        # A map of constant noise is used by samples only.
        theirs = {name: array for name, array in tensors.items() if name.startswith(f"{network}.") and not name.endswith(".map")}
        missing, spare = sorted(own.keys() - theirs.keys()), sorted(theirs.keys() - own.keys())
        if missing or spare:
            raise ValueError(f"{network}: the checkpoint lacks {missing}, the PyTorch network lacks {spare}")
        with torch.no_grad():
            for name, tensor in own.items():
                value = torch.tensor(theirs[name])
                if value.dim() == 4:
                    value = value.permute(3, 2, 0, 1)  # (kh, kw, in, out), transposed convolutions (kh, kw, out, in)
                elif value.dim() == 3:
                    value = value.permute(2, 0, 1)  # a learned constant (h, w, c)
                elif value.dim() == 2:
                    value = value.T
                if value.numel() != tensor.numel():
                    raise ValueError(f"{name}: shapes {tuple(theirs[name].shape)} and {tuple(tensor.shape)} (PyTorch)")
                tensor.copy_(value.reshape(tensor.shape))
        counts[network] = sum(parameter.numel() for parameter in module.parameters())
    return counts


def named(module):
    """The parameters and running statistics of a module, with Backdraw's names."""
    of_norms = {"weight": "gamma", "bias": "beta"}
    for path, part in module.named_modules():
        norm = isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d))
        tensors = dict(part.named_parameters(recurse=False)) | dict(part.named_buffers(recurse=False))
        for name, tensor in tensors.items():
            if name not in UNSAVED:
                yield f"{path}.{of_norms.get(name, name) if norm else name}", tensor


UNSAVED = {"num_batches_tracked", "kernel"}
