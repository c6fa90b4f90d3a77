//! Files of the scanner as they come in: any number in one form, each kept as soon as it is whole.

use std::{io, time::Duration};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::post,
};
use kvit_billing::EntryId;
use tokio::time::timeout;

use super::{
    super::{
        door::{self, Officer},
        imports::{
            GivenUp, TOKEN_BYTES_MAX, UPLOAD_HOURS_MAX, UPLOAD_IDLE_SECONDS, header_text,
            shown_name, write,
        },
        multipart::Parts,
    },
    room_page,
};
use crate::{
    App, FileKind, NewFile, NoUpload, doors::Doors, failure::Failure, front::Visitor, rooms::info,
};

/// Files that one form brings.
const FILES_MAX: usize = 100;

/// The other address at which a request may be large and take long.
pub(crate) fn router(doors: &Doors) -> Router<Doors> {
    Router::new()
        .route("/staff/scans/file", post(upload))
        .route_layer(middleware::from_fn_with_state(doors.clone(), door::guard))
        .method_not_allowed_fallback(info::not_that_way)
}

async fn upload(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(officer): Extension<Officer>,
    request: Request,
) -> Result<Response, Failure> {
    let limit = Duration::from_hours(UPLOAD_HOURS_MAX);
    let mut whole = 0;
    let received = timeout(
        limit,
        receive(&app, &visitor, &officer, request, &mut whole),
    )
    .await;
    let given_up = match received.unwrap_or(Err(GivenUp::CutOff)) {
        Ok(()) => {
            let to = [(header::LOCATION, "/staff/scans?done=brought")];
            return Ok((StatusCode::SEE_OTHER, to).into_response());
        }
        Err(given_up) => given_up,
    };
    let (status, text) = match given_up {
        GivenUp::Foreign => return Err(Failure::Foreign),
        GivenUp::NoFile => (StatusCode::UNPROCESSABLE_ENTITY, "staff-error-scan-file"),
        GivenUp::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "staff-error-scan-large"),
        GivenUp::CutOff => (StatusCode::BAD_REQUEST, "staff-error-scan-cut"),
        GivenUp::Refused(NoUpload::Busy) => {
            (StatusCode::SERVICE_UNAVAILABLE, "staff-error-import-busy")
        }
        GivenUp::Refused(fault) => {
            let error = &fault as &dyn std::error::Error;
            tracing::error!(error, "an upload of scans cannot be kept");
            match fault {
                NoUpload::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, "staff-error-import-full"),
                _ => (StatusCode::INTERNAL_SERVER_ERROR, "staff-error-import-kept"),
            }
        }
    };
    // What came whole before it stays, and is in the list.
    let page = room_page(&app, &visitor, &officer, None, &[("file", text)]).await?;
    Ok((status, page).into_response())
}

async fn receive(
    app: &App,
    visitor: &Visitor,
    officer: &Officer,
    request: Request,
    whole: &mut usize,
) -> Result<(), GivenUp> {
    let max = app.portal.limits.scan_bytes_max;
    let content_type = header_text(&request, &header::CONTENT_TYPE).to_owned();
    let idle = Duration::from_secs(UPLOAD_IDLE_SECONDS);
    let mut parts = Parts::new(&content_type, request.into_body())?;
    let mut own = false;
    while let Some(part) = timeout(idle, parts.next()).await?? {
        match part.name.as_str() {
            "form_token" => {
                let token = timeout(idle, parts.text(TOKEN_BYTES_MAX)).await??;
                visitor.own_form(&token).map_err(|_| GivenUp::Foreign)?;
                own = true;
                continue;
            }
            "file" if own && *whole < FILES_MAX => {}
            _ => return Err(GivenUp::Foreign),
        }
        // A field for files that stayed empty.
        let Some(first) = timeout(idle, parts.chunk()).await?? else {
            continue;
        };
        let id: EntryId = app
            .random_token()
            .expose()
            .parse()
            .map_err(|_| GivenUp::Foreign)?;
        let mut upload = app.portal.scans.begin(id).await?;
        let bytes = write(upload.as_mut(), &mut parts, first, max).await?;
        // Whose account was closed meanwhile brings nothing in.
        let may = door::still_may(app, officer).await;
        if !may.map_err(|error| GivenUp::Refused(NoUpload::Failed(io::Error::other(error))))? {
            return Err(GivenUp::Foreign);
        }
        let file = NewFile {
            kind: FileKind::Scans,
            name: shown_name(part.file_name.as_deref().unwrap_or_default(), "scan"),
            by: officer.login.to_string(),
            at: app.portal.clock.now(),
            bytes,
        };
        upload.finish(file).await?;
        *whole += 1;
    }
    if *whole == 0 {
        return Err(GivenUp::NoFile);
    }
    Ok(())
}
