// Passkeys: asks us for a challenge, has the device answer it, and sends the answer with the form.
// Where there is no script, or no device that can, the page says what else to do.
"use strict";

const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), sign => sign.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const answers = {
  async create(asked) {
    const made = await navigator.credentials.create({ publicKey: {
      challenge: bytes(asked.challenge),
      rp: asked.rp,
      user: { ...asked.user, id: bytes(asked.user.id) },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
      excludeCredentials: asked.known.map(id => ({ type: "public-key", id: bytes(id) })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
    } });
    return {
      id: text(made.rawId),
      clientData: text(made.response.clientDataJSON),
      attestation: text(made.response.attestationObject),
    };
  },
  async get(asked) {
    const used = await navigator.credentials.get({ publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.rp,
      userVerification: "required",
    } });
    return {
      id: text(used.rawId),
      clientData: text(used.response.clientDataJSON),
      authData: text(used.response.authenticatorData),
      signature: text(used.response.signature),
      user: text(used.response.userHandle ?? new ArrayBuffer(0)),
    };
  },
};

for (const form of window.PublicKeyCredential ? document.querySelectorAll("form[data-passkey]") : []) {
  const part = when => form.querySelector(`[data-when=${when}]`);
  part("cannot").hidden = true;
  part("can").hidden = false;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    part("failed").hidden = true;
    part("can").disabled = true;
    try {
      const body = new URLSearchParams({ form_token: form.elements.form_token.value });
      const asked = await fetch(form.dataset.ask, { method: "POST", body });
      form.elements.answer.value = JSON.stringify(await answers[form.dataset.passkey](await asked.json()));
      form.submit();
    } catch {
      part("failed").hidden = false;
    }
    part("can").disabled = false;
  });
}
